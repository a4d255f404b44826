"""The checkout form."""

import re

from django import forms

from shop.models import Coupon

POSTCODES = {"DE": r"\d{5}", "AT": r"\d{4}", "NL": r"\d{4} ?[A-Z]{2}"}


class CheckoutForm(forms.Form):
    """Who orders, where it goes, with which coupon."""

    email = forms.EmailField()
    name = forms.CharField(max_length=80)
    country = forms.ChoiceField(choices=[(code, code) for code in POSTCODES], initial="DE")
    postcode = forms.CharField(max_length=10)
    coupon = forms.CharField(required=False)

    def clean_name(self):
        """Names on parcels are one line."""
        name = " ".join(self.cleaned_data["name"].split())
        if not any(character.isalpha() for character in name):
            raise forms.ValidationError("This is not a name.", code="name")
        return name

    def clean_coupon(self):
        """Turn the code into the coupon."""
        code = self.cleaned_data["coupon"]
        if not code:
            return None
        coupon = Coupon.find(code)
        if coupon is None:
            raise forms.ValidationError("Unknown coupon.", code="coupon")
        return coupon

    def clean(self):
        """The postcode has to fit the country."""
        data = super().clean()
        pattern = POSTCODES.get(data.get("country"))
        if pattern and data.get("postcode") and not re.fullmatch(pattern, data["postcode"].strip().upper()):
            self.add_error("postcode", forms.ValidationError("Not a postcode of this country.", code="postcode"))
        return data
