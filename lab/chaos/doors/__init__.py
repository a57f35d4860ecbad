"""One bill and three doors: a browser, a USSD dialog with its call, and a caller, each by its own requests."""
