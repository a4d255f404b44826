"""Addresses."""

from django.urls import path

from shop import views

urlpatterns = [
    path("products/", views.product_list, name="product-list"),
    path("products/<slug:sku>/", views.product_detail, name="product-detail"),
    path("cart/add/", views.cart_add, name="cart-add"),
    path("checkout/", views.checkout, name="checkout"),
    path("orders/<int:pk>/", views.order_detail, name="order-detail"),
    path("health/", views.health, name="health"),
]
