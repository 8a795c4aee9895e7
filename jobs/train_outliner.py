"""Train the outliner that rwsc ships: python jobs/train_outliner.py rwsc/items."""

import typer

from rwsc.runs.outliner import train_to_folder

if __name__ == "__main__":
    typer.run(train_to_folder)
