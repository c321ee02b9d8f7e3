"""What has been learned about how long things take, and what follows from it: estimates, orders, predictions.

Pure: profiles, their merging and the simulator know neither the graph nor the clock.
"""
