"""The demo's subscribers and bills, as `khallas import` reads them."""
