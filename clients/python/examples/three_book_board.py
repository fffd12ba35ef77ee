"""Show the best prices of the three bookmakers: `python three_book_board.py`."""

from market_mapping_client import Board, run
from market_mapping_client.present import read_latest


async def main() -> None:
    board = Board()
    matches = {board.take(event) for event in await read_latest()}
    if not matches:
        print("odds.latest is empty: does `marketmap run snapshot` run?")
    for found in map(board.compare, sorted(matches)):
        for row in found.rows:
            if len(row.platforms) == 3 and row.overround is not None:
                best = {name: f"{price.odds} {price.platform}" for name, price in row.best.items()}
                print(row.canonical_id, row.line, best, f"{row.overround:.3f}")
        print("left out:", {(each.platform, each.reason) for each in found.left_out})


run(main())
