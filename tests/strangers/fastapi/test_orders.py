import httpx
from shop import mailed


def test_the_order_mail_is_retried_twice_then_dead_lettered_then_replayed(qstash, shop_url):
    qstash.fail("/api/mail", status=503, times=3)
    httpx.post(f"{shop_url}/orders", json={"order": 1})
    qstash.settle()
    (mail,) = qstash.assert_failed("/api/mail")
    assert mail.try_ == 3
    assert [entry.row.id for entry in qstash.dlq()] == [mail.id]
    qstash.replay(mail)
    qstash.settle()
    qstash.assert_delivered("/api/mail", json={"order": 1})
    assert mailed == [{"order": 1}]
