"""Make the images of a corpus: draft them, fuse them, label them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rwsc.corpus.commit import image_key
from rwsc.corpus.controls import Role
from rwsc.corpus.draft import Bag, Draft, Drafter
from rwsc.corpus.labels import describe_object
from rwsc.corpus.manifest import Outcome
from rwsc.corpus.mark import encode_marked
from rwsc.corpus.plan import PlannedImage
from rwsc.corpus.prepare import prepare
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ConfigError, RwscError
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Engine
from rwsc.items.bank import ItemBank
from rwsc.physics.transmission import to_transmission
from rwsc.placement.placed import Placement
from rwsc.sources.json_fields import one_line
from rwsc.sources.licences import stricter_of


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
        self._drafter = Drafter(config, bank, harmless)

    def make(
        self,
        planned: Sequence[PlannedImage],
        bags: Sequence[Bag],
        others: Sequence[Bag | None] | None = None,
    ) -> list[Made]:
        """Make several images; what stands beside an image does not change it (on CPU not by a bit).

        Args:
            planned: Rows of the plan.
            bags: Each bag's file.
            others: The file of each bag's other view, None where the plan names none; without, all are None.

        Returns:
            One result per planned image, in order. A bag that cannot be used is a result too.
        """
        others = [None] * len(planned) if others is None else others
        drafts = [self.draft(*each) for each in zip(planned, bags, others, strict=True)]
        return [self.finish(*each) for each in zip(drafts, self.fuse(drafts), strict=True)]

    def draft(self, planned: PlannedImage, bag: Bag, other: Bag | None = None) -> Draft | Outcome:
        """Draw what goes into a bag and where; the first of three steps, of which each may run beside the others.

        Args:
            planned: A row of the plan.
            bag: The bag's file.
            other: The file of its other view, where the plan names one.

        Returns:
            See `Drafter.draft`; of what goes wrong in no way foreseen, that it failed.
        """
        try:
            return self._drafter.draft(planned, bag, other)
        except Exception as error:  # noqa: BLE001 - one image must not cost the others; its row tells what it was
            return _outcome_of(error)

    def fuse(self, drafts: Sequence[Draft | Outcome]) -> list[np.ndarray | Outcome]:
        """Fuse several drafts at once, which a GPU takes as one batch.

        Args:
            drafts: What `draft` gave.

        Returns:
            For each an image, or what became of it instead.
        """
        ready = [draft for draft in drafts if isinstance(draft, Draft)]
        fused = iter(self._fused(ready))
        return [next(fused) if isinstance(draft, Draft) else draft for draft in drafts]

    def _fused(self, drafts: Sequence[Draft]) -> Sequence[np.ndarray | Outcome]:
        try:
            return fuse_in_rounds(
                [draft.scan for draft in drafts],
                [draft.air_level for draft in drafts],
                [self._insertions(draft) for draft in drafts],
                self._engine,
                context=self._config.context,
                match=self._config.chosen_match,
            )
        except Exception as error:  # noqa: BLE001 - see above
            if len(drafts) == 1:
                return [_outcome_of(error)]
        return [each for draft in drafts for each in self._fused([draft])]

    def finish(self, draft: Draft | Outcome, image: np.ndarray | Outcome) -> Made:
        """Encode and describe an image.

        Args:
            draft: What `draft` gave.
            image: What `fuse` gave for it.

        Returns:
            What became of the planned image.
        """
        if isinstance(draft, Outcome):
            return Made(draft)
        if isinstance(image, Outcome):
            return Made(image)
        try:
            return self._finish(draft, image)
        except Exception as error:  # noqa: BLE001 - see above
            return Made(_outcome_of(error))

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
        codec = self._drafter.codec(image)
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


def _outcome_of(error: Exception) -> Outcome:
    if isinstance(error, ConfigError):  # what the engine refuses to put together, however often it is asked
        return Outcome(status="rejected", reason=error.message)
    reason = error.message if isinstance(error, RwscError) else f"{type(error).__name__}: {error}"
    return Outcome(status="failed", reason=one_line(reason))


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
