"""Which items go into a bag, and where they lie there: an image before it is fused."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rwsc.corpus.choice import Drawable, ItemChoice, by_label, of_two_energies
from rwsc.corpus.controls import Role
from rwsc.corpus.distractors import draw_wanted
from rwsc.corpus.manifest import Outcome
from rwsc.corpus.pairs import item_pairs
from rwsc.corpus.plan import Partner, PlannedImage
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import RwscError
from rwsc.items.bank import Item, ItemBank
from rwsc.placement.draw import NoRoom, Placement, PlacementConfig, draw_num_items, draw_placements
from rwsc.placement.ground import Ground
from rwsc.placement.paired import View, draw_paired_placements
from rwsc.placement.size import physical_scale
from rwsc.seeds import stream
from rwsc.sources.transparency import on_air
from rwsc.storage.images import Codec, ImageLimits, decode_image

Bag = bytes | RwscError
"""The bytes of a bag's file, or the error that says why there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A bag and where its items lie, before fusion."""

    planned: PlannedImage
    scan: np.ndarray
    air_level: np.ndarray
    ground: Ground
    items: list[Item]
    placements: list[Placement]
    items_wanted: int
    distractors: list[tuple[Item, Placement]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """A scan, and the bags found in it."""

    scan: np.ndarray
    ground: Ground


class Drafter:
    """Draws what goes into a bag, and where. A pure function of settings, items and the plan's row."""

    def __init__(self, config: SynthConfig, bank: ItemBank, harmless: ItemBank | None = None) -> None:
        """Bind what all images share.

        Args:
            config: Settings of the run.
            bank: Items to draw from.
            harmless: What `rwsc.corpus.distractors.open_distractors` gives.

        Raises:
            RwscError: See `ItemChoice` and, for paired views, `item_pairs`.
        """
        self._config = config
        self._limits = ImageLimits(max_pixels=config.max_pixels)
        rules = (config.class_weights, config.item_scanner)
        self._choice = ItemChoice(bank.items, *rules)
        views = config.paired_views
        self._pair_choice = ItemChoice(item_pairs(bank, views), *rules) if views else None
        self._last_sides: dict[str, _Side] = {}
        self._harmless = [] if harmless is None else list(by_label(harmless).values())
        self._harmless_of_two = list(by_label(of_two_energies(harmless or [])).values())

    def draft(self, planned: PlannedImage, bag: Bag, other: Bag | None = None) -> Draft | Outcome:
        """Draw what goes into a bag.

        Args:
            planned: The plan's row.
            bag: The bag's file.
            other: The file of its other view, where the plan names one.

        Returns:
            The draft; or, where there is none, what became of the image instead. A bag of which one view cannot be
            used, or has no room, takes no items in the other either.
        """
        if planned.partner is None:
            side = self._side(bag, planned.scan_sha256, planned.air_level)
            if isinstance(side, Outcome):
                return side
            draft = self._place(planned, side)
            return self._with_distractors(draft) if isinstance(draft, Draft) else draft
        return self._draft_of_two(planned, planned.partner, bag, other)

    def codec(self, scan: np.ndarray) -> Codec:
        """Say in which file format the image of a scan is kept."""
        if self._config.image_format == "auto":
            return "npy" if _has_two_energies(scan) else "png"
        return self._config.image_format

    def _side(self, bag: Bag | None, sha256: str, air_level: Sequence[float]) -> _Side | Outcome:
        if bag is None:
            raise ValueError(f"the scan {sha256} of the bag's other view was not read")
        if isinstance(bag, RwscError):
            return Outcome(status="failed", reason=bag.message)
        if hashlib.sha256(bag).hexdigest() != sha256:
            return Outcome(status="failed", reason="the scan's file has changed since it was indexed")
        try:
            scan = on_air(decode_image(bag, limits=self._limits), air_level)
        except RwscError as error:
            return Outcome(status="failed", reason=error.message)
        if (reason := _why_not_held(scan, self.codec(scan))) is not None:
            return Outcome(status="failed", reason=reason)
        ground = Ground.of_scan(scan, np.asarray(air_level, dtype=np.float64))
        if not ground.bags:
            return Outcome(status="rejected", reason="no bag was found in the scan")
        return _Side(scan, ground)

    def _place(self, planned: PlannedImage, side: _Side) -> Draft | Outcome:
        wanted = self._drawn(self._choice, planned, two_energies=_has_two_energies(side.scan))
        if isinstance(wanted, str):
            return Outcome(status="rejected", reason=wanted)
        drawn = self._lay(planned, "placement", side.ground, wanted, self._config.placement)
        if isinstance(drawn, NoRoom):
            return Outcome(status="rejected", reason=drawn.reason)
        return _to_draft(planned, side, wanted, drawn)

    def _drawn(
        self, choice: ItemChoice[Drawable], planned: PlannedImage, *, two_energies: bool
    ) -> list[Drawable] | str:
        rng = stream(planned.seed, "items")
        number = draw_num_items(rng, self._config.placement)
        return choice.draw(rng, number, planned, two_energies=two_energies)

    def _draft_of_two(
        self, planned: PlannedImage, partner: Partner, bag: Bag, other: Bag | None
    ) -> Draft | Outcome:
        # Both images of a pair come to this by the same way, from the same seed, and each keeps its own half.
        sides = {}
        scans: tuple[tuple[PlannedImage | Partner, Bag | None], ...] = ((planned, bag), (partner, other))
        for scan, data in scans:
            side = self._last_sides.get(scan.scan_sha256) or self._side(
                data, scan.scan_sha256, scan.air_level
            )
            if isinstance(side, Outcome):
                prefix = "the other view of the bag: " if scan is partner else ""
                return replace(side, reason=f"{prefix}{side.reason}")
            sides[scan.scan_sha256] = side
        self._last_sides = sides
        return self._place_in_both(planned, partner, sides)

    def _place_in_both(
        self, planned: PlannedImage, partner: Partner, sides: dict[str, _Side]
    ) -> Draft | Outcome:
        if self._pair_choice is None:
            raise ValueError(f"image {planned.image_id} is one of a pair, and the settings name no views")
        wanted = self._drawn(
            self._pair_choice,
            planned,
            two_energies=any(_has_two_energies(side.scan) for side in sides.values()),
        )
        if isinstance(wanted, str):
            return Outcome(status="rejected", reason=wanted)
        is_first = str(planned.view) < partner.view
        first, second = (planned, partner) if is_first else (partner, planned)
        drawn = draw_paired_placements(
            stream(planned.seed, "placement"),
            (self._view(first, sides), self._view(second, sides)),
            [pair.views for pair in wanted],
            self._config.placement,
        )
        if isinstance(drawn, NoRoom):
            return Outcome(status="rejected", reason=drawn.reason)
        own = 0 if is_first else 1
        return _to_draft(
            planned,
            sides[planned.scan_sha256],
            [pair.views[own] for pair in wanted],
            [pair[own] for pair in drawn],
        )

    def _view(self, scan: PlannedImage | Partner, sides: dict[str, _Side]) -> View:
        return View(sides[scan.scan_sha256].ground, self._config.paired_views[str(scan.view)])

    def _lay(
        self,
        planned: PlannedImage,
        purpose: str,
        ground: Ground,
        items: Sequence[Item],
        config: PlacementConfig,
        earlier: Sequence[Placement] = (),
    ) -> list[Placement] | NoRoom:
        bag = (planned.scanner_id, planned.dataset)
        return draw_placements(
            stream(planned.seed, purpose),
            ground,
            items,
            config,
            physical_scales=[
                physical_scale(config.mm_per_px, (item.scanner_id, item.dataset), bag) for item in items
            ],
            earlier=earlier,
        )

    def _with_distractors(self, draft: Draft) -> Draft:
        """Let harmless things take what room the items leave; where there is none, there are none."""
        seed = draft.planned.seed
        harmless = self._harmless_of_two if _has_two_energies(draft.scan) else self._harmless
        if not harmless or draft.planned.role == Role.NEGATIVE:
            return draft
        wanted = draw_wanted(stream(seed, "distractors"), harmless, self._config.controls)
        # items_min is a number of items: of distractors one that finds room is welcome alone.
        config = self._config.placement.model_copy(update={"items_min": 1})
        drawn = self._lay(
            draft.planned, "distractor placement", draft.ground, wanted, config, draft.placements
        )
        placements = [] if isinstance(drawn, NoRoom) else drawn
        return replace(draft, distractors=[(wanted[each.item_index], each) for each in placements])


def _to_draft(
    planned: PlannedImage, side: _Side, wanted: Sequence[Item], placements: list[Placement]
) -> Draft:
    return Draft(
        planned=planned,
        scan=side.scan,
        air_level=np.asarray(planned.air_level, dtype=np.float64),
        ground=side.ground,
        items=[wanted[placement.item_index] for placement in placements],
        placements=placements,
        items_wanted=len(wanted),
    )


def _has_two_energies(scan: np.ndarray) -> bool:
    return scan.ndim == 3 and scan.shape[2] == 2


def _why_not_held(scan: np.ndarray, codec: Codec) -> str | None:
    """Say why a file format cannot keep a scan's values, or None where it can."""
    if codec != "npy" and _has_two_energies(scan):
        return f"{codec.upper()} holds gray or colour, the scan has two energies; image_format npy or auto keeps them"
    if codec == "jpeg" and scan.dtype != np.uint8:
        return f"JPEG holds 8 bits a channel, the scan has {scan.dtype.itemsize * 8}; image_format png keeps them"
    return None
