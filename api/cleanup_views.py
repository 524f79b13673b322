"""Cleanup over REST: plan (scope plan), execute, undo, stop, emergency (scope execute), and look (scope read)."""

from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.cleanup_serializers import (
    EmergencyRequest,
    OrderFilter,
    OrderSerializer,
    OutcomeSerializer,
    PlanDetailSerializer,
    PlanFilter,
    PlanRequest,
    PlanSerializer,
    StopRequest,
    SweepSerializer,
)
from api.views import GameView, Page, paged
from connmon.accounts.models import Scope
from connmon.cleanup.actions import abort_plan, declare_emergency, execute_plan, make_plan, once, undo_plan
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.queries import (
    find_order,
    find_plan,
    list_came_back,
    list_orders,
    list_plans,
    list_sweeps,
    order_outcomes,
    plan_progress,
    server_names,
)
from connmon.cleanup.scope import read_wish
from connmon.cleanup.sweep import sweep_now
from connmon.core.errors import Invalid

_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 128 characters; the same request under the same key is carried out once. Another one is 409.",
)


class PlansView(GameView):
    """Plans, newest first; a new one is a dry run and changes nothing."""

    write_scope: ClassVar[Scope] = Scope.PLAN

    @extend_schema(parameters=[PlanFilter], responses=PlanSerializer(many=True), operation_id="list_plans")
    def get(self, request: Request) -> Response:
        wanted = PlanFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return paged(self, request, list_plans(self.game_id, **wanted.validated_data), PlanSerializer)

    @extend_schema(request=PlanRequest, responses={201: PlanDetailSerializer}, operation_id="make_plan")
    def post(self, request: Request) -> Response:
        wanted = PlanRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        plan = make_plan(
            self.key.game,
            read_wish(values["scope"]),
            reason=values["reason"],
            canary=values["canary"],
            servers_per_second=values.get("servers_per_second"),
            by=self.actor,
            now=timezone.now(),
        )
        return Response(_detail(plan), status=201)


class PlanView(GameView):
    """One plan: what it would close, how far it is, what came back."""

    @extend_schema(responses=PlanDetailSerializer, operation_id="show_plan")
    def get(self, request: Request, plan_id: int) -> Response:
        return Response(_detail(find_plan(self.game_id, plan_id)))


class ExecuteView(GameView):
    """Lets a plan run after a hold of 10 s. Once; the second time is 409."""

    scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(request=None, responses={202: PlanDetailSerializer}, operation_id="execute_plan")
    def post(self, request: Request, plan_id: int) -> Response:
        return Response(_detail(execute_plan(self.key.game, plan_id, by=self.actor, now=timezone.now())), status=202)


class UndoView(GameView):
    """Takes an executed plan back during its hold."""

    scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(request=None, responses=PlanDetailSerializer, operation_id="undo_plan")
    def post(self, request: Request, plan_id: int) -> Response:
        return Response(_detail(undo_plan(self.key.game, plan_id, by=self.actor, now=timezone.now())))


class StopView(GameView):
    """Stops a running plan: what has not gone out never will."""

    scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(request=StopRequest, responses=PlanDetailSerializer, operation_id="stop_plan")
    def post(self, request: Request, plan_id: int) -> Response:
        wanted = StopRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        why = wanted.validated_data["reason"]
        return Response(_detail(abort_plan(self.key.game, plan_id, by=self.actor, now=timezone.now(), why=why)))


class OrdersView(GameView):
    """A plan's orders, in the order in which their servers' turns come."""

    @extend_schema(parameters=[OrderFilter], responses=OrderSerializer(many=True), operation_id="list_orders")
    def get(self, request: Request, plan_id: int) -> Response:
        wanted = OrderFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        orders = list_orders(find_plan(self.game_id, plan_id), **wanted.validated_data)
        page = Page()
        shown = page.paginate_queryset(orders, request, view=self) or []
        return page.get_paginated_response(OrderSerializer(_rows(shown), many=True).data)


class OrderView(GameView):
    """What became of each connection of an order."""

    @extend_schema(responses=OutcomeSerializer(many=True), operation_id="list_outcomes")
    def get(self, request: Request, plan_id: int, order_id: str) -> Response:
        order = find_order(find_plan(self.game_id, plan_id), order_id)
        return paged(self, request, order_outcomes(order), OutcomeSerializer)


class EmergencyView(GameView):
    """Plans and executes in one step. The same Idempotency-Key with the same body is one emergency."""

    scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(
        parameters=[_KEY],
        request=EmergencyRequest,
        responses={202: PlanDetailSerializer},
        operation_id="declare_emergency",
    )
    def post(self, request: Request) -> Response:
        wanted = EmergencyRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        if "Idempotency-Key" not in request.headers:
            raise Invalid("Send an Idempotency-Key, so that a repeated request is one emergency.")
        now = timezone.now()
        asked: dict[str, Any] = wanted.validated_data
        plan = once(
            self.key.game,
            key=request.headers["Idempotency-Key"],
            asked=asked,
            now=now,
            act=lambda: declare_emergency(
                self.key.game,
                scope=read_wish(asked["scope"]),
                reason=asked["reason"],
                hold=timedelta(seconds=asked["hold_s"]),
                canary=asked["canary"],
                servers_per_second=asked["servers_per_second"],
                by=self.actor,
                now=now,
            ),
        )
        return Response(_detail(plan), status=202)


class SweepsView(GameView):
    """Stale sweeps, newest first; a new one runs at once."""

    write_scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(responses=SweepSerializer(many=True), operation_id="list_sweeps")
    def get(self, request: Request) -> Response:
        return paged(self, request, list_sweeps(self.game_id), SweepSerializer)

    @extend_schema(request=None, responses={201: SweepSerializer}, operation_id="sweep_now")
    def post(self, request: Request) -> Response:
        sweep = sweep_now(self.key.game, by=self.actor, now=timezone.now())
        return Response(SweepSerializer(sweep).data, status=201)


def _detail(plan: Plan) -> dict[str, Any]:
    return {
        **PlanSerializer(plan).data,
        "summary": plan.summary,
        "progress": plan_progress(plan),
        "came_back": list_came_back(plan),
    }


def _rows(orders: list[Order]) -> list[dict[str, Any]]:
    names = server_names(orders)
    return [
        {
            "id": order.pk,
            "server": names.get(order.server_id, ""),
            "server_id": str(order.server_id),
            "state": order.state,
            "connections": len(order.connection_ids),
            "closed": len(order.closed),
            "gone": len(order.gone),
            "changed": len(order.changed),
            "failed": order.failed,
            "sends": order.sends,
            "sent_at": order.sent_at,
            "finished_at": order.finished_at,
            "detail": order.detail,
        }
        for order in orders
    ]
