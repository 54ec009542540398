"""Prints the tracks of testbed/scenarios/harvest.toml as CSV.

Usage: harvest_tracks.py > testbed/scenarios/harvest-tracks.csv

Sixteen harvesters start in a yard at the origin at 7 in the morning, reach their fields at 8, go up and down 26 lanes of
2,160 m, 12 m apart, at 1.33 m/s (27 min a lane), and are back in the yard 40 min after the last one. Fields stand on a
square of four by four, 2,700 m apart, and the yard in their middle.
"""

DAYS, NODES, LANES = 2, 16, 26
LANE_M, LANE_WIDTH_M, LANE_S = 2_160, 12, 1_620
PITCH_M, HOUR_S, DAY_S = 2_700, 3_600, 86_400


def day_of(node: int, day: int) -> list[tuple[int, int, int]]:
    """Time, metres east and north, for one harvester and day."""
    west = (node % 4 - 1.5) * PITCH_M - LANES * LANE_WIDTH_M / 2
    south = (node // 4 - 1.5) * PITCH_M - LANE_M / 2
    begin = day * DAY_S + 8 * HOUR_S
    points = [(begin - HOUR_S, 0, 0)]
    for lane in range(LANES):
        x = int(west + lane * LANE_WIDTH_M)
        ends = [int(south), int(south) + LANE_M]
        if lane % 2 == 1:
            ends.reverse()
        # A minute of each lane's time is for the turn into the next one.
        points += [(begin + lane * LANE_S, x, ends[0]), (begin + (lane + 1) * LANE_S - 60, x, ends[1])]
    return points + [(begin + LANES * LANE_S + 2_400, 0, 0)]


print("node,time_s,x_m,y_m")
for node in range(NODES):
    for day in range(DAYS):
        for time_s, x_m, y_m in day_of(node, day):
            print(f"{node},{time_s},{x_m},{y_m}")
