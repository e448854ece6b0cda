"""Numbers and names in sentences."""

import json


def counted(count, one, many):
    """A number with its noun: 1 child, 3 children."""
    return f"{count} {one if count == 1 else many}"


def unknown(what, target, known):
    """Why a target is refused that is no name of a thing here: there is no child "x"; there are child-1, child-3."""
    known = list(map(str, known))
    rest = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else ", and none is left"
    return f"there is no {what} {json.dumps(target, ensure_ascii=False)}{rest}"


def yes_or_no(is_so):
    """Whether something is so, in a word."""
    return "yes" if is_so else "no"
