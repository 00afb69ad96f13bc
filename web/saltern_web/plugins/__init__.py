"""Plugins: execution modules with a form before and a page behind them."""
