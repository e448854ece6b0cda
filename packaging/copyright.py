#!/usr/bin/env python3
"""Writes the package's copyright file (DEP-5): ours, every crate's in the program, and the bundled fonts'.

Everything is read from the crates' own sources, as `cargo metadata` names them, so that the file fits the
program that was built. A licence that is not known here is an error: it must be read first.
"""

import json
import pathlib
import re
import subprocess
import sys

NAMES = {"MIT": "Expat", "Apache-2.0": "Apache-2.0", "ISC": "ISC", "Zlib": "Zlib", "Unicode-3.0": "Unicode-3.0"}
FONTS = {"OFL-1.1", "Ubuntu-font-1.0"}  # of the fonts' crate alone: they have their own paragraphs
PREFERRED = {"MIT", "Apache-2.0"}

HEADER = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Task Lab
Upstream-Contact: The Task Lab developers
Comment: The program contains the crates below; their paths stand for their sources.
 Where a crate leaves the choice between licences, those are named that are used here.

Files: *
Copyright: 2026 The Task Lab developers
License: Expat or Apache-2.0
"""

FONT_PARAGRAPHS = """\
Files: fonts/Ubuntu-Light.ttf
Copyright: 2010-2011 Canonical Ltd.
License: Ubuntu-font-1.0

Files: fonts/Hack-Regular.ttf
Copyright: 2018 Source Foundry Authors
 2003 Bitstream, Inc.
License: Expat and Bitstream-Vera

Files: fonts/NotoEmoji-Regular.ttf
Copyright: 2013 Google Inc.
License: OFL-1.1

Files: fonts/emoji-icon-font.ttf fonts/egui-icons.ttf
Copyright: 2014 John Slegers
License: Expat
"""

APACHE = """On Debian systems, the full text of the Apache License, Version 2.0, is in
/usr/share/common-licenses/Apache-2.0."""


def linked_packages():
    """The crates whose code ends up in the program: normal dependencies, no procedural macros."""
    host = re.search(r"^host: (.*)$", run("rustc", "-vV"), re.M).group(1)
    data = json.loads(run("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host))
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    waiting, seen = [data["resolve"]["root"]], set()
    while waiting:
        one = waiting.pop()
        if one in seen or any("proc-macro" in target["kind"] for target in packages[one]["targets"]):
            continue
        seen.add(one)
        for dependency in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    seen.discard(data["resolve"]["root"])
    return sorted((packages[one] for one in seen), key=lambda package: (package["name"], package["version"]))


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def licence(package):
    """The SPDX expression as a DEP-5 one, reduced to the licences that are used."""
    parts = []
    for part in re.split(r" AND ", package["license"] or ""):
        choices = re.split(r" OR |/", part.strip(" ()"))
        chosen = [choice for choice in choices if choice in PREFERRED] or choices
        if FONTS.issuperset(chosen):
            continue
        for choice in chosen:
            if choice not in NAMES:
                sys.exit(f"could not name the licence {choice!r} of {package['name']}: read it, and add it here and to deny.toml")
        parts.append(" or ".join(dict.fromkeys(NAMES[choice] for choice in chosen)))
    return " and ".join(dict.fromkeys(parts))


def holders(package):
    """The holders that the crate's licence files name, else its authors."""
    found = []
    for path in sorted(pathlib.Path(package["manifest_path"]).parent.iterdir()):
        if not (path.is_file() and re.match(r"(?i)(licen[cs]e|copying|copyright|notice)", path.name)):
            continue
        for line in path.read_text(errors="replace").splitlines():
            match = re.match(r"(?i)\W*copyright\s*(?:\(c\)|©|:)?\s*(?=.*[A-Za-z])(.*(?:19|20)\d\d.*|.+)$", line)
            if not match or not (re.search(r"(?:19|20)\d\d", line) or re.search(r"\(c\)|©", line, re.I)):
                continue
            text = re.sub(r"(?i)^(?:\(c\)|©)\s*|\s*(?:all rights reserved\.?)\s*$", "", match.group(1)).strip(" .,")
            if not re.search(r"[\[{<]yyyy|name of copyright|year", text) and text not in found:
                found.append(text)
    return found or package["authors"] or [f"the developers of {package['name']}"]


def indent(text):
    return "\n".join(" " + line.rstrip() if line.strip() else " ." for line in text.strip().splitlines())


def licence_texts(packages):
    """The text of each licence, from a crate that carries it."""
    folders = {package["name"]: pathlib.Path(package["manifest_path"]).parent for package in packages}
    root = pathlib.Path(__file__).resolve().parent.parent

    def body(path, start):
        text = path.read_text(encoding="utf-8-sig")
        return text[text.index(start):]

    fonts = folders["epaint_default_fonts"] / "fonts"
    return {
        "Expat": body(root / "LICENSE-MIT", "Permission is hereby granted"),
        "Apache-2.0": APACHE,
        "ISC": body(folders["libloading"] / "LICENSE", "Permission to use"),
        "Zlib": body(folders["foldhash"] / "LICENSE", "This software is provided"),
        "Unicode-3.0": body(folders["zerovec"] / "LICENSE", "Permission is hereby granted"),
        "OFL-1.1": body(fonts / "OFL.txt", "This Font Software"),
        "Ubuntu-font-1.0": body(fonts / "UFL.txt", "PREAMBLE"),
        "Bitstream-Vera": body(fonts / "Hack-Regular.txt", "BITSTREAM VERA LICENSE"),
    }


def main():
    packages = linked_packages()
    print(HEADER)
    for package in packages:
        print(f"Files: crates/{package['name']}-{package['version']}/*")
        print("Copyright: " + "\n ".join(holders(package)))
        print(f"License: {licence(package)}\n")
    print(FONT_PARAGRAPHS)
    for name, text in licence_texts(packages).items():
        print(f"License: {name}\n{indent(text)}\n")


if __name__ == "__main__":
    main()
