"""``rwsc weights``."""

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any, get_args

import typer

from rwsc.cli.options import Output, Overwrite
from rwsc.cli.stdout import keep_for_data
from rwsc.cli.terminal import escaped_line
from rwsc.errors import ConfigError

app = typer.Typer(help="Weights of the fusion network.", no_args_is_help=True)

Weights = Annotated[
    str,
    typer.Argument(
        metavar="WEIGHTS",
        help="Weights (.safetensors), a training run's folder, or default: those that come with rwsc.",
    ),
]


@app.command("show", epilog="Example: rwsc weights show default")
def show(
    weights: Weights = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what weights are, what they were trained on, and what precision costs them.

    Checks them against their card. The last lines tell how far results in float32 and in bfloat16 are from float64,
    in grey levels of 8 bits, on made-up pairs.
    """
    stdout = keep_for_data()
    card, num_parameters, apart = _examine(weights)
    if as_json:
        found = {**card, "parameters": num_parameters, "precision": [asdict(each) for each in apart]}
        stdout.write(json.dumps(found, indent=1) + "\n")
        return
    lines = [
        f"network     {', '.join([card['network']['size'], f'{num_parameters:,} parameters', *_changes(card)])}",
        f"licence     {card['data_licence']}",
        f"made by     rwsc {card['code_version']}",
        f"sha256      {card['weights_sha256']}",
        *(f"trained on  {name} {digest}" for name, digest in sorted(card["data_hashes"].items())),
        *(f"{name:<11} {value:g}" for name, value in sorted(card["metrics"].items())),
        *(
            f"{each.precision:<11} mean {each.mean:.2g}, largest {each.largest:.2g} grey levels"
            for each in apart
        ),
    ]
    stdout.writelines(escaped_line(line) + "\n" for line in lines)


@app.command("export", epilog="Example: rwsc weights export run -o fusion.pt2")
def export(weights: Weights, output: Output = None, overwrite: Overwrite = False) -> None:
    """Write the network as a program of torch.export (.pt2), which runs without rwsc.

    Its inputs are transmissions in [0, 1] of item and bag, (B, 3, H, W), and the item's mask, (B, 1, H, W); height and
    width are multiples of 4 (tiny) or 8 (base). The program is run beside the network before it is written.
    """
    from rwsc.fusion.network.program import SUFFIX, export_program, largest_difference
    from rwsc.fusion.network.weights import decode_weights
    from rwsc.runs.weights import read_weights
    from rwsc.storage.prefix import absolute_uri, uri_exists, write_uri

    if output is None or not output.endswith(SUFFIX):
        raise ConfigError(f"{output or 'no file'} is given to write to", remedy=f"give -o FILE{SUFFIX}")
    uri = absolute_uri(output)
    if not overwrite and uri_exists(uri):
        raise ConfigError(f"{uri} exists already", remedy="give another name, or --overwrite")
    stdout = keep_for_data()
    network, _ = decode_weights(*read_weights(weights))
    program = export_program(network)
    sys.stderr.write(f"largest difference from the network {largest_difference(network, program):.2g}\n")
    write_uri(uri, program, overwrite=overwrite)
    stdout.write(f"{uri}\n")


def _changes(card: dict[str, Any]) -> list[str]:
    """Say in what a network differs from its size, or, where that is none of ours, all of its settings."""
    from rwsc.fusion.network.config import SizeName, named_config

    size = card["network"]["size"]
    usual = named_config(size).model_dump(mode="json") if size in get_args(SizeName) else {"size": size}
    return [f"{name} {value}" for name, value in card["network"].items() if value != usual.get(name)]


def _examine(weights: str) -> tuple[dict[str, Any], int, list[Any]]:
    import torch

    from rwsc.fusion.network.precision import deviations
    from rwsc.fusion.network.weights import decode_weights
    from rwsc.runs.weights import read_weights

    torch.set_num_threads(1)
    network, card = decode_weights(*read_weights(weights))
    num_parameters = sum(parameter.numel() for parameter in network.parameters())
    return card.model_dump(mode="json"), num_parameters, deviations(network)
