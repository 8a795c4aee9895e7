"""Which images of a plan are looked at, where not all are."""


def is_of_sample(place: int, *, wanted: int, total: int) -> bool:
    """Tell whether the image at a place of the plan is of a sample that is spread evenly over it.

    Args:
        place: Place in the plan, from 0.
        wanted: Images of the sample, at most `total`.
        total: Images of the plan.

    Returns:
        True for exactly `wanted` of all places.
    """
    return (place + 1) * wanted // total > place * wanted // total
