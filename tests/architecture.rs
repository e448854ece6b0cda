//! Keeps the house as `ARCHITECTURE.md` draws it: which room may import which, what may stand where, and how much of it.
//! Reads the files of the package; must not run anything of them.

#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/measures.rs"]
mod measures;
#[path = "architecture/rules/mod.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/tree.rs"]
mod tree;

use std::io::Write;
use std::sync::LazyLock;

use tree::Tree;

static PACKAGE: LazyLock<Tree> = LazyLock::new(Tree::of_the_package);

/// Two tests a rule: it holds in the package, and its controls show that it can be broken.
macro_rules! tests_of {
    ($($rule:ident),+ $(,)?) => {
        $(mod $rule {
            #[test]
            fn holds() {
                crate::rules::$rule::RULE.hold(&crate::PACKAGE);
            }

            #[test]
            fn what_breaks_it_is_found() {
                crate::rules::$rule::RULE.prove();
            }
        })+
    };
}

tests_of! {
    dependencies,
    engine_loop,
    file_circles,
    folder_sizes,
    launches,
    lessons,
    order,
    re_exports,
    rooms,
    texts,
    words,
}

/// Says them always: what a test prints is hidden as long as it passes.
#[test]
fn measures() {
    let text = measures::measures(&PACKAGE);
    write!(std::io::stderr(), "{text}").expect("stderr is open");
}
