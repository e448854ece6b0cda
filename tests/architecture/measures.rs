//! The size of the house in figures, for the present tree. Pure.

use std::fmt::Write as _;

use crate::rules::file_circles;
use crate::tree::Tree;

/// The figures, one a line.
pub fn measures(tree: &Tree) -> String {
    let mut text = String::new();
    let mut say = |name: &str, figure: String| {
        let _ = writeln!(text, "{name:<36}{figure}");
    };
    for root in ["src", "tests", "assets"] {
        let folders = tree.folders().into_iter().filter(|(folder, _)| folder.split('/').next() == Some(root));
        let (files, folder) = folders.map(|(folder, files)| (files, folder)).max().unwrap_or_default();
        say(&format!("biggest folder in {root}"), format!("{files} files ({folder})"));
    }
    let circles = file_circles::circles(tree);
    let sizes: Vec<String> = circles.iter().map(|circle| circle.files.len().to_string()).collect();
    let of = if sizes.is_empty() { String::new() } else { format!(" (of {} files)", sizes.join(", ")) };
    say("circles of files", format!("{}{of}", circles.len()));
    for (room, name) in [("src/engine/", "EngineLoop"), ("src/engine/", "RunFold"), ("src/engine/", "Run"), ("src/ui/", "App")] {
        let (fields, files) = tree.size_of(room, name);
        say(name, format!("{fields} fields, impl in {} files", files.len()));
    }
    let mut lines: Vec<(usize, &str)> = tree.sources().map(|(path, _)| (tree.files[path].text.lines().count(), path)).collect();
    lines.sort_unstable();
    let at = |share: usize| lines.get((lines.len() * share).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    let (longest, path) = at(100);
    say("lines a file (median / p90 / max)", format!("{} / {} / {longest} ({path})", at(50).0, at(90).0));
    text
}
