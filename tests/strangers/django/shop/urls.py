"""Where orders are placed, and where django-qstash runs tasks."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from shop.tasks import mail


@csrf_exempt
def place_order(request: HttpRequest) -> JsonResponse:
    """The mail is a task."""
    task = mail.apply_async(args=(int(request.POST["order"]),), retries=2)
    return JsonResponse({"task": task.task_id})


urlpatterns = [
    path("orders", place_order),
    path("qstash/webhook/", include("django_qstash.urls")),
]
