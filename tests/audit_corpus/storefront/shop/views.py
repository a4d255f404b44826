"""The JSON views of the shop."""

from django.conf import settings
from django.http import Http404, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from shop.cart import Cart
from shop.checkout import EmptyCart, place_order
from shop.forms import CheckoutForm
from shop.models import Order, Product
from shop.throttle import throttled
from shop.warehouse import OutOfStock, WarehouseDown

PAGE_SIZE = 10


def as_json(product):
    """What the world may know of a product."""
    return {"sku": product.sku, "name": product.name, "price": f"{product.price_cents / 100:.2f}"}


@require_GET
def product_list(request):
    """Available products, optionally those that match `q`, in pages of PAGE_SIZE."""
    products = Product.objects.available()
    if request.GET.get("q"):
        products = products.search(request.GET["q"])
    try:
        page = max(int(request.GET.get("page", 1)), 1)
    except ValueError:
        return JsonResponse({"error": "page is not a number"}, status=400)
    start = (page - 1) * PAGE_SIZE
    chosen = products[start : start + PAGE_SIZE]
    return JsonResponse({"count": products.count(), "products": [as_json(product) for product in chosen]})


@require_GET
def product_detail(request, sku):
    """One product, 404 where there is none or it is no longer active."""
    product = Product.objects.filter(sku=sku, active=True).first()
    if product is None:
        raise Http404(sku)
    return JsonResponse(as_json(product))


@csrf_exempt
@require_POST
@throttled("cart", limit=30, window=60)
def cart_add(request):
    """Add `sku`, `quantity` times."""
    sku = request.POST.get("sku", "")
    if not Product.objects.available().filter(sku=sku).exists():
        return JsonResponse({"error": "no such product"}, status=404)
    try:
        quantity = Cart(request.session).add(sku, int(request.POST.get("quantity", 1)))
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse({"sku": sku, "quantity": quantity})


@csrf_exempt
@require_POST
def checkout(request):
    """Place the order of the cart."""
    form = CheckoutForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    data = form.cleaned_data
    try:
        order = place_order(Cart(request.session), data["email"], data["country"], data["coupon"])
    except EmptyCart:
        return JsonResponse({"error": "the cart is empty"}, status=409)
    except OutOfStock as error:
        return JsonResponse({"error": str(error), "sku": error.sku}, status=409)
    except WarehouseDown:
        return JsonResponse({"error": "try again later"}, status=503)
    return JsonResponse({"order": order.pk, "total": order.total_cents}, status=201)


@require_GET
def order_detail(request, pk):
    """An order, for those who have the staff token."""
    if request.headers.get("X-Staff-Token") != settings.SHOP_STAFF_TOKEN:
        return JsonResponse({"error": "staff only"}, status=403)
    order = Order.objects.filter(pk=pk).first()
    if order is None:
        raise Http404(pk)
    return JsonResponse({"order": order.pk, "status": order.status, "total": order.total_cents})


async def health(request):
    """For the load balancer."""
    return JsonResponse({"status": "ok", "version": getattr(settings, "SHOP_VERSION", "dev")})
