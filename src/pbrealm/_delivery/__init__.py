"""
What is sent to clients: send queues, notifications, broadcasts, and what came of them.
"""
