"""Patches of a user's own scans: around real items, around the same items put into other bags, and of bags alone.

Each composite has a real partner: the very item, seen in the scan that it was cut from. So both sides hold the same
items equally often and at about the same size, and a network gains nothing by remembering one. What differs is the
making, and with it the bag: threat scans and harmless ones seldom come from the same day or the same scanner. What
the bags alone give away is measured beside it, and so is the item put once more into its own scan, away from itself,
where the bag is the same on both sides.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from rwsc.corpus.prepare import prepare
from rwsc.corpus.usable_bags import usable_bags
from rwsc.errors import SourceError
from rwsc.evaluation.extraction_scans import check_groups
from rwsc.evaluation.probe import NUM_FOLDS, PATCH_PX, choose_places, cut_patches
from rwsc.evaluation.probe_folds import deal_whole, join_kin
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Engine
from rwsc.fusion.match import MatchConfig
from rwsc.items.bank import Item, ItemBank, bank_uri, iter_bank
from rwsc.physics.pseudo_colour import to_rgb8
from rwsc.physics.transmission import to_transmission
from rwsc.placement.draw import NoRoom, PlacementConfig, draw_placements
from rwsc.placement.ground import Ground
from rwsc.seeds import derive_seed, stream
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.reread import read_indexed
from rwsc.sources.schema import Scan
from rwsc.sources.transparency import on_air

PLACEMENT = PlacementConfig(scale_min=0.9, scale_max=1.1, max_item_fraction=1)
"""How items are laid: as large as they were, to within what still resamples them."""

_JITTER_PX = 6
_MAX_BAGS_TRIED = 4
_MIN_COVER = 0.5
_WHITE = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """An item of the bank, the scan that shows it for real, and the bags that it may be put into."""

    item: Item
    scan: Scan
    x_px: int
    y_px: int
    """Where the item's pixels lie in the scan."""

    fold: int
    bags: Sequence[Scan]
    """Harmless scans of the same fold, in the order in which they are tried."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spot:
    """A place in a scan that patches are cut around."""

    scan: np.ndarray
    air_level: np.ndarray
    places_N2: np.ndarray
    insertion: Insertion | None = None
    """What is put there; None where the scan shows a real item."""

    def patches(self, picture: np.ndarray | None = None) -> np.ndarray:
        """Cut the patches out of the scan, or of a picture that was made of it."""
        seen = self.scan if picture is None else picture
        (top, left), (bottom, right) = self.places_N2.min(axis=0), self.places_N2.max(axis=0) + 1
        top, left = max(0, top - PATCH_PX), max(0, left - PATCH_PX)
        part_HWC = _shown(seen[top : bottom + PATCH_PX, left : right + PATCH_PX], self.air_level)
        # The network is not told the cover: that of a real item is an estimate, and would give it away.
        return cut_patches(part_HWC, np.zeros(part_HWC.shape[:2]), self.places_N2 - (top, left))

    def fused(
        self, engine: Engine, match: MatchConfig | None, *, seed: int, is_empty: bool = False
    ) -> np.ndarray:
        """Let an engine put the insertion in, as it would for a corpus.

        Args:
            engine: The way to fuse.
            match: How the item is matched to the bag; None leaves it as it is.
            seed: Of what matching draws.
            is_empty: Put it in without its matter.

        Returns:
            The whole scan, with the item.
        """
        assert self.insertion is not None
        laid = prepare(
            [self.insertion],
            [],
            scan=self.scan,
            air_level=self.air_level,
            is_empty=is_empty,
            engine=engine.name,
            seed=seed,
        )
        return fuse_in_rounds([self.scan], [self.air_level], [laid], engine, match=match)[0]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scene:
    """What is seen of one pair."""

    real: Spot
    """The real item."""

    harmless: Spot
    """The item in a harmless bag."""

    own: Spot
    """The item once more in its own scan, away from all annotated ones."""

    seed: int


def find_pairs(
    catalogue_uri: str, items_uri: str, *, number: int, without_groups: Collection[str] = ()
) -> tuple[list[Pair], int]:
    """Find the items of a bank whose scans are in a catalogue, and deal them to folds with bags to put them into.

    Args:
        catalogue_uri: Catalogue of threat scans with boxes and of harmless scans.
        items_uri: Bank of items that were cut out of these scans.
        number: Most pairs to use.
        without_groups: Groups of scans to leave out.

    Returns:
        The pairs, and how many items were left out because they would have joined all folds to one.

    Raises:
        ConfigError: A group to leave out is that of no scan.
        SourceError: There is nothing to compare, or it cannot be taken apart into folds.
    """
    catalogue = read_catalogue(catalogue_uri)
    check_groups(catalogue, catalogue_uri, without_groups)
    kept = [group not in without_groups for group in catalogue["group"].to_pylist()]
    catalogue = catalogue.filter(pa.array(kept, pa.bool_()))
    bags = list(iter_scans(usable_bags(catalogue, ["benign"], None)))
    real = _real_items(catalogue, items_uri)
    if not real:
        raise SourceError(
            f"no usable item of {items_uri} was cut out of a threat scan of {catalogue_uri}",
            remedy="give the bank that was built from this catalogue, and scans of bags that hold items",
        )
    kin = join_kin([(_session_of(scan), item.physical_item_id) for item, scan, _, _ in real])
    usable = [(*each, joined) for each, joined in zip(real, kin, strict=True) if joined is not None]
    chosen = _choose(usable, number)
    fold_of_kin, bags_of_fold = _deal(chosen, bags, catalogue_uri)
    pairs = []
    for turn, (item, scan, x, y, joined) in enumerate(chosen):
        fold = fold_of_kin[joined]
        fitting = [bag for bag in bags_of_fold[fold] if bag.modality == scan.modality]
        first = turn % max(1, len(fitting))
        order = (fitting[first:] + fitting[:first])[:_MAX_BAGS_TRIED]
        pairs.append(Pair(item=item, scan=scan, x_px=x, y_px=y, fold=fold, bags=order))
    return pairs, len(real) - len(usable)


def open_scene(pair: Pair) -> Scene | None:
    """Read the scans of a pair, and lay its item in them.

    Args:
        pair: The pair.

    Returns:
        What is seen of it; None where the item finds no room.

    Raises:
        RwscError: A scan cannot be read, or is not the one that was indexed.
    """
    seed = derive_seed("bench probe", pair.item.item_id)
    if pair.item.alpha_HW.max() < _MIN_COVER:
        return None
    picture, air_level = _read(pair.scan)
    own = _lay(pair, picture, air_level, seed, boxes=[thing.bbox_xywh for thing in pair.scan.objects])
    if own is None:
        return None
    for bag in pair.bags:
        harmless = _lay(pair, *_read(bag), seed)
        if harmless is not None:
            rng = stream(seed, "real")
            places_N2 = _places(rng, pair.item.alpha_HW, pair.x_px, pair.y_px, picture.shape)
            real = Spot(scan=picture, air_level=air_level, places_N2=places_N2)
            return Scene(real=real, harmless=harmless, own=own, seed=seed)
    return None


def _real_items(catalogue: pa.Table, items_uri: str) -> list[tuple[Item, Scan, int, int]]:
    scans = {
        scan.scan_id: scan for scan in iter_scans(catalogue) if scan.status == "ok" and scan.kind == "threat"
    }
    bank = ItemBank.load(items_uri)
    facts: dict[str, dict[str, Any]] = {
        row["item_id"]: row
        for part in iter_bank(bank_uri(items_uri), ["item_id", "source_scan_id", "source_bbox"])
        for row in part.to_pylist()
    }
    found = []
    for item in bank:
        row = facts[item.item_id]
        if (scan := scans.get(row["source_scan_id"])) is not None:
            x, y = (round(side) for side in row["source_bbox"][:2])
            found.append((item, scan, x, y))
    return found


def _choose(
    usable: Sequence[tuple[Item, Scan, int, int, int]], number: int
) -> list[tuple[Item, Scan, int, int, int]]:
    """Choose items at random, of those that hang together as few as of others, so that folds come out even."""
    shuffled = sorted(usable, key=lambda each: derive_seed("bench probe", each[0].item_id))
    taken: Counter[int] = Counter()
    ranks = []
    for *_, joined in shuffled:
        ranks.append(taken[joined])
        taken[joined] += 1
    order = sorted(range(len(shuffled)), key=ranks.__getitem__)
    return [shuffled[index] for index in order[:number]]


def _session_of(scan: Scan) -> str:
    """Name what was scanned together; of scans that state no group, those that look alike."""
    return f"{scan.dataset}/{scan.group}" if scan.group else str(scan.perceptual_hash or scan.scan_id)


def _deal(
    chosen: Sequence[tuple[Item, Scan, int, int, int]], bags: Sequence[Scan], catalogue_uri: str
) -> tuple[dict[Hashable, int], dict[int, list[Scan]]]:
    """Deal real items that hang together, and sessions of harmless bags, to folds."""
    num_items: Counter[Hashable] = Counter(joined for *_, joined in chosen)
    kin_of_session = {_session_of(scan): joined for _, scan, _, _, joined in chosen}
    num_bags = Counter(_session_of(bag) for bag in bags)
    free: dict[Hashable, int] = {
        session: number for session, number in num_bags.items() if session not in kin_of_session
    }
    num_folds = min(NUM_FOLDS, len(num_items), len(free))
    if num_folds < 2:
        raise SourceError(
            f"{catalogue_uri} cannot be taken apart: its items are of {len(num_items)} unrelated sessions, its "
            f"harmless scans of {len(free)}",
            remedy="add scans of other sessions to the catalogue; two unrelated ones of each are the least",
        )
    fold_of_kin = deal_whole(num_items, num_folds)
    fold_of_session = deal_whole(free, num_folds)
    bags_of_fold: dict[int, list[Scan]] = {fold: [] for fold in range(num_folds)}
    for bag in sorted(bags, key=lambda bag: derive_seed("bench probe", str(bag.scan_id))):
        session = _session_of(bag)
        fold = fold_of_kin[kin_of_session[session]] if session in kin_of_session else fold_of_session[session]
        bags_of_fold[fold].append(bag)
    return fold_of_kin, bags_of_fold


def _read(scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    air_level = np.asarray(scan.air_level, dtype=np.float64)
    return on_air(read_indexed(scan.uri, scan.sha256), air_level), air_level


def _lay(
    pair: Pair,
    picture: np.ndarray,
    air_level: np.ndarray,
    seed: int,
    *,
    boxes: Sequence[Sequence[float]] = (),
) -> Spot | None:
    """Lay the pair's item into a scan, away from boxes; None where there is no room."""
    ground = _without_boxes(Ground.of_scan(picture, air_level), boxes)
    drawn = draw_placements(stream(seed, "placement"), ground, [pair.item], PLACEMENT)
    if isinstance(drawn, NoRoom) or not drawn:
        return None
    posed, x, y = drawn[0].posed, drawn[0].x_px, drawn[0].y_px
    insertion = Insertion(
        transmission_HWC=posed.transmission_HWC, alpha_HW=posed.alpha_HW, x_px=x, y_px=y, seed=seed
    )
    places_N2 = _places(stream(seed, "patches"), posed.alpha_HW, x, y, picture.shape)
    return Spot(scan=picture, air_level=air_level, places_N2=places_N2, insertion=insertion)


def _without_boxes(ground: Ground, boxes: Sequence[Sequence[float]]) -> Ground:
    """Take boxes, and so much around them that no patch shows what is in them, out of the bags."""
    bags = [bag_HW.copy() for bag_HW in ground.bags]
    for x, y, width, height in boxes:
        reach = PATCH_PX // 2 + _JITTER_PX
        left, top = (max(0, int(side - reach)) // ground.cell_px for side in (x, y))
        right, bottom = (
            max(0, -(-int(side + reach + 1) // ground.cell_px)) for side in (x + width, y + height)
        )
        for bag_HW in bags:
            bag_HW[top:bottom, left:right] = False
    return replace(ground, bags=[bag_HW for bag_HW in bags if bag_HW.any()])


def _places(
    rng: np.random.Generator, alpha_HW: np.ndarray, x_px: int, y_px: int, shape: tuple[int, ...]
) -> np.ndarray:
    """Choose places near the item's rim and inside it; not on its rim to the pixel, which masks of real items miss."""
    places_N2 = np.array([y_px, x_px]) + choose_places(rng, alpha_HW)
    places_N2 += rng.integers(-_JITTER_PX, _JITTER_PX + 1, size=places_N2.shape)
    return np.clip(places_N2, 0, np.array(shape[:2]) - 1)


def _shown(picture: np.ndarray, air_level: np.ndarray) -> np.ndarray:
    """Show a part of a scan as colour of 8 bits, white for air."""
    if picture.ndim == 3 and picture.shape[2] == 2:
        return to_rgb8(picture, air_level)
    grey = np.rint(_WHITE * to_transmission(picture, air_level)).astype(np.uint8)
    return np.broadcast_to(grey.reshape(*grey.shape[:2], -1), (*grey.shape[:2], 3))
