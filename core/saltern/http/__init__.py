"""What every HTTP server of ours does: whose requests it answers, and in which manner. For hosts with starlette."""
