"""Make the images of a corpus: draw items for a bag, place them, fuse them, label them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rwsc.corpus.choice import ItemChoice, by_label, of_two_energies
from rwsc.corpus.commit import image_key
from rwsc.corpus.controls import Role
from rwsc.corpus.distractors import draw_wanted
from rwsc.corpus.labels import describe_object
from rwsc.corpus.manifest import Outcome
from rwsc.corpus.mark import encode_marked
from rwsc.corpus.plan import PlannedImage
from rwsc.corpus.prepare import prepare
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import RwscError
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Engine
from rwsc.items.bank import Item, ItemBank
from rwsc.physics.transmission import to_transmission
from rwsc.placement.draw import NoRoom, Placement, PlacementConfig, draw_num_items, draw_placements
from rwsc.placement.ground import Ground
from rwsc.placement.size import physical_scale
from rwsc.seeds import stream
from rwsc.sources.examine import without_alpha
from rwsc.sources.json_fields import one_line
from rwsc.sources.licences import stricter_of
from rwsc.storage.images import Codec, ImageLimits, decode_image


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
class Made:
    """What became of one planned image, and its file where there is one."""

    outcome: Outcome
    data: bytes | None = None


class ImageMaker:
    """Makes planned images. A pure function of settings, item bank, engine and the plan's row."""

    def __init__(
        self, config: SynthConfig, bank: ItemBank, engine: Engine, harmless: ItemBank | None = None
    ) -> None:
        """Bind what all images share.

        Args:
            config: Settings of the run.
            bank: Items to draw from.
            engine: The way to fuse.
            harmless: What `rwsc.corpus.distractors.open_distractors` gives.
        """
        self._config = config
        self._engine = engine
        self._limits = ImageLimits(max_pixels=config.max_pixels)
        self._choice = ItemChoice(bank, config.class_weights, config.item_scanner)
        self._harmless = [] if harmless is None else list(by_label(harmless).values())
        self._harmless_of_two = list(by_label(of_two_energies(harmless or [])).values())

    def make(self, planned: Sequence[PlannedImage], bags: Sequence[bytes | RwscError]) -> list[Made]:
        """Make several images; what stands beside an image does not change it (on CPU not by a bit).

        Args:
            planned: Rows of the plan.
            bags: The bytes of each bag's file, or the error that says why there are none.

        Returns:
            One result per planned image, in order. A bag that cannot be used is a result too.
        """
        try:
            return self._make_together(planned, bags)
        except RwscError as error:
            if len(planned) == 1:  # what the engine refuses to put together
                return [Made(Outcome(status="rejected", reason=error.message))]
        except Exception as error:  # noqa: BLE001 - one image must not cost the others; its row tells what it was
            if len(planned) == 1:
                reason = one_line(f"{type(error).__name__}: {error}")
                return [Made(Outcome(status="failed", reason=reason))]
        return [self.make([image], [data])[0] for image, data in zip(planned, bags, strict=True)]

    def _make_together(
        self, planned: Sequence[PlannedImage], bags: Sequence[bytes | RwscError]
    ) -> list[Made]:
        drafts = [self._draft(image, data) for image, data in zip(planned, bags, strict=True)]
        ready = [draft for draft in drafts if isinstance(draft, Draft)]
        fused = fuse_in_rounds(
            [draft.scan for draft in ready],
            [draft.air_level for draft in ready],
            [self._insertions(draft) for draft in ready],
            self._engine,
            context=self._config.context,
            match=self._config.chosen_match,
        )
        finished = iter([self._finish(draft, image) for draft, image in zip(ready, fused, strict=True)])
        return [next(finished) if isinstance(draft, Draft) else Made(draft) for draft in drafts]

    def _draft(self, planned: PlannedImage, data: bytes | RwscError) -> Draft | Outcome:
        if isinstance(data, RwscError):
            return Outcome(status="failed", reason=data.message)
        if hashlib.sha256(data).hexdigest() != planned.scan_sha256:
            return Outcome(status="failed", reason="the scan's file has changed since it was indexed")
        try:
            scan = without_alpha(decode_image(data, limits=self._limits))
        except RwscError as error:
            return Outcome(status="failed", reason=error.message)
        if (reason := _why_not_held(scan, self._codec(scan))) is not None:
            return Outcome(status="failed", reason=reason)
        draft = self._place(planned, scan)
        return self._with_distractors(draft) if isinstance(draft, Draft) else draft

    def _codec(self, scan: np.ndarray) -> Codec:
        if self._config.image_format == "auto":
            return "npy" if _has_two_energies(scan) else "png"
        return self._config.image_format

    def _place(self, planned: PlannedImage, scan: np.ndarray) -> Draft | Outcome:
        air_level = np.asarray(planned.air_level, dtype=np.float64)
        ground = Ground.of_scan(scan, air_level)
        if not ground.bags:
            return Outcome(status="rejected", reason="no bag was found in the scan")
        rng = stream(planned.seed, "items")
        number = draw_num_items(rng, self._config.placement)
        wanted = self._choice.draw(rng, number, planned, two_energies=_has_two_energies(scan))
        if isinstance(wanted, str):
            return Outcome(status="rejected", reason=wanted)
        drawn = self._lay(planned, "placement", ground, wanted, self._config.placement)
        if isinstance(drawn, NoRoom):
            return Outcome(status="rejected", reason=drawn.reason)
        items = [wanted[placement.item_index] for placement in drawn]
        return Draft(planned, scan, air_level, ground, items, drawn, len(wanted))

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

    def _insertions(self, draft: Draft) -> list[Insertion]:
        if draft.planned.role == Role.NEGATIVE:
            return []
        return prepare(
            [_to_insertion(placement) for placement in draft.placements],
            [_to_insertion(placement) for _, placement in draft.distractors],
            scan=draft.scan,
            air_level=draft.air_level,
            is_empty=draft.planned.role == Role.EMPTY,
            engine=self._engine.name,
            seed=draft.planned.seed,
        )

    def _finish(self, draft: Draft, image: np.ndarray) -> Made:
        codec = self._codec(image)
        data = encode_marked(
            image, draft.planned.image_id, codec=codec, jpeg_quality=self._config.jpeg_quality
        )
        described = describe_objects(draft)
        outcome = Outcome(
            status="made",
            image_key=image_key(draft.planned.shard_id, draft.planned.image_id, codec, self._config.layout),
            width=image.shape[1],
            height=image.shape[0],
            bit_depth=image.dtype.itemsize * 8,
            channels=1 if image.ndim == 2 else image.shape[2],
            sha256=hashlib.sha256(data).hexdigest(),
            licence=stricter_of(draft.planned.licence, *self._licences(draft)),
            bags_xywh=[[side * draft.ground.cell_px for side in box] for box in draft.ground.boxes],
            objects=described["objects"],
            empty_insertions=described["empty_insertions"],
            distractors=described["distractors"],
            quality=_quality(draft, image, len(described["objects"])),
        )
        return Made(outcome, data)

    def _licences(self, draft: Draft) -> list[str | None]:
        """Licences of all but the bag that went into an image."""
        if draft.planned.role == Role.NEGATIVE:
            return []
        laid = [*draft.items, *(item for item, _ in draft.distractors)]
        return [*(item.licence for item in laid), *self._engine.licences]


def describe_objects(draft: Draft) -> dict[str, list[dict[str, Any]]]:
    """Describe all that was put into a bag; see `rwsc.corpus.labels`.

    Args:
        draft: The bag and what lies in it.

    Returns:
        Descriptions by the manifest's columns `objects`, `empty_insertions` and `distractors`.
    """
    role, image_id = draft.planned.role, draft.planned.image_id
    items = [] if role == Role.NEGATIVE else list(zip(draft.items, draft.placements, strict=True))
    named = [(f"{image_id}-{number}", *laid) for number, laid in enumerate(items)]
    harmless = [(f"{image_id}-d{number}", *laid) for number, laid in enumerate(draft.distractors)]
    laid = [*named, *harmless]
    under = [to_transmission(draft.scan[placement.window], draft.air_level) for _, _, placement in laid]
    described = [
        describe_object(*each, laid, bag, draft.scan.shape[:2]) for each, bag in zip(laid, under, strict=True)
    ]
    own, others = described[: len(named)], described[len(named) :]
    is_empty = role == Role.EMPTY
    return {
        "objects": [] if is_empty else own,
        "empty_insertions": own if is_empty else [],
        "distractors": others,
    }


def _quality(draft: Draft, image: np.ndarray, num_objects: int) -> dict[str, Any]:
    covered = np.zeros(image.shape[:2], dtype=bool)
    for placement in draft.placements:
        covered |= placement.mask_in(*image.shape[:2])
    before, after = draft.scan[covered].astype(np.float64), image[covered].astype(np.float64)
    darkening = float((before - after).mean() / draft.air_level.mean()) if covered.any() else 0.0
    return {
        "items_wanted": draft.items_wanted if draft.planned.role == Role.POSITIVE else 0,
        "items_placed": num_objects,
        "mean_darkening": round(darkening, 6),
    }


def _to_insertion(placement: Placement) -> Insertion:
    return Insertion(
        transmission_HWC=placement.posed.transmission_HWC,
        alpha_HW=placement.posed.alpha_HW,
        x_px=placement.x_px,
        y_px=placement.y_px,
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
