"""The views, in the order of their keys. A new one is a value here and a place in this tuple."""

from qstash_dev.tui.model.view import View
from qstash_dev.tui.views.app import APP
from qstash_dev.tui.views.dlq import DLQ
from qstash_dev.tui.views.logs import LOGS
from qstash_dev.tui.views.messages import MESSAGES
from qstash_dev.tui.views.things import FLOW, GROUPS, QUEUES, SCHEDULES
from qstash_dev.tui.views.workflows import WORKFLOWS

VIEWS: tuple[View, ...] = (MESSAGES, SCHEDULES, QUEUES, GROUPS, DLQ, LOGS, FLOW, WORKFLOWS, APP)
