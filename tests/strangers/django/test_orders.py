import httpx
from shop.tasks import mailed


def test_the_order_mail_is_retried_twice_then_dead_lettered_then_replayed(qstash, shop_url):
    qstash.fail("/qstash/webhook/", status=503, times=3)
    httpx.post(f"{shop_url}/orders", data={"order": 1})
    qstash.settle()
    (mail,) = qstash.assert_failed("/qstash/webhook/")
    assert mail.try_ == 3
    assert [entry.row.id for entry in qstash.dlq()] == [mail.id]
    qstash.replay(mail)
    qstash.settle()
    qstash.assert_delivered("/qstash/webhook/")
    assert mailed == [1]
