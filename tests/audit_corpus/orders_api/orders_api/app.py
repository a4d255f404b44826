"""The HTTP interface."""
from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request

from .models import Order, OrderIn, OrderStatus, Page
from .payments import PaymentClient, PaymentDeclined, PaymentUnavailable
from .pricing import PriceList, UnknownCoupon, UnknownSku
from .repository import IllegalTransition, OrderRepository, OutOfStock
from .settings import Settings

PRICES = {"TEA-001": Decimal("4.50"), "MUG-100": Decimal("12.99"), "POT-200": Decimal("39.00")}
STOCK = {"TEA-001": 100, "MUG-100": 20, "POT-200": 2}


def get_settings(request: Request) -> Settings:
    return request.app.state.settings


def get_repository(request: Request) -> OrderRepository:
    return request.app.state.repository


def get_prices(request: Request) -> PriceList:
    return request.app.state.prices


def get_payments(settings: Annotated[Settings, Depends(get_settings)]) -> PaymentClient:
    return PaymentClient(settings)


def get_customer(
    settings: Annotated[Settings, Depends(get_settings)],
    authorization: Annotated[str | None, Header()] = None,
) -> str:
    """The customer of `Authorization: Bearer <api key>`; 401 without one, 403 for an unknown key."""
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise HTTPException(401, "missing bearer token", headers={"WWW-Authenticate": "Bearer"})
    if key not in settings.api_keys:
        raise HTTPException(403, "unknown api key")
    return settings.api_keys[key]


SettingsDep = Annotated[Settings, Depends(get_settings)]
Repository = Annotated[OrderRepository, Depends(get_repository)]
Prices = Annotated[PriceList, Depends(get_prices)]
Payments = Annotated[PaymentClient, Depends(get_payments)]
Customer = Annotated[str, Depends(get_customer)]


def visible_order(order_id: int, customer: Customer, repository: Repository, settings: SettingsDep) -> Order:
    """404 for orders of others too: their existence is nobody's business. Admins see all."""
    order = repository.get(order_id)
    if order is None or (order.customer != customer and customer not in settings.admin_customers):
        raise HTTPException(404, "no such order")
    return order


VisibleOrder = Annotated[Order, Depends(visible_order)]


def create_app(settings: Settings | None = None, repository: OrderRepository | None = None) -> FastAPI:
    app = FastAPI(title="orders")
    app.state.settings = settings or Settings.from_env()
    app.state.repository = repository or OrderRepository(STOCK)
    app.state.prices = PriceList(PRICES)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/orders", status_code=201)
    async def create_order(body: OrderIn, customer: Customer, repository: Repository, prices: Prices) -> Order:
        try:
            quote = prices.quote(body.lines, country=body.country, coupon=body.coupon)
            return repository.create(customer, body.lines, quote)
        except (UnknownSku, UnknownCoupon) as exc:
            raise HTTPException(422, str(exc)) from exc
        except OutOfStock as exc:
            raise HTTPException(409, str(exc)) from exc

    @app.get("/orders")
    async def list_orders(
        customer: Customer,
        repository: Repository,
        settings: SettingsDep,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int | None, Query(ge=1)] = None,
    ) -> Page:
        size = min(limit or settings.page_size, settings.max_page_size)
        owner = None if customer in settings.admin_customers else customer
        items, cursor = repository.page(owner, after=after, limit=size)
        return Page(items=items, next_cursor=cursor)

    @app.get("/orders/{order_id}")
    async def read_order(order: VisibleOrder) -> Order:
        return order

    @app.post("/orders/{order_id}/pay")
    async def pay_order(
        order: VisibleOrder, repository: Repository, payments: Payments, settings: SettingsDep
    ) -> Order:
        if not order.can_become(OrderStatus.PAID):
            raise HTTPException(409, f"order is {order.status.value}")
        reference = None
        if settings.require_payment:
            try:
                reference = await payments.charge(order.id, order.total, order.customer)
            except PaymentDeclined as exc:
                raise HTTPException(402, str(exc)) from exc
            except PaymentUnavailable as exc:
                raise HTTPException(503, f"payment service: {exc}", headers={"Retry-After": "5"}) from exc
        return repository.move(order.id, OrderStatus.PAID, reference)

    @app.post("/orders/{order_id}/cancel")
    async def cancel_order(order: VisibleOrder, repository: Repository) -> Order:
        try:
            return repository.move(order.id, OrderStatus.CANCELLED)
        except IllegalTransition as exc:
            raise HTTPException(409, str(exc)) from exc

    @app.post("/orders/{order_id}/ship")
    async def ship_order(order: VisibleOrder, customer: Customer, repository: Repository, settings: SettingsDep) -> Order:
        if customer not in settings.admin_customers:
            raise HTTPException(403, "admins only")
        try:
            return repository.move(order.id, OrderStatus.SHIPPED)
        except IllegalTransition as exc:
            raise HTTPException(409, str(exc)) from exc

    return app
