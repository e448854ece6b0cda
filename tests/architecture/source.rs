//! Reads Rust source: the paths that it names, its items, its words. No macro is expanded, and no name is resolved.
//! Runs in the test's thread; must not judge: the rules are in `rules`.

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item as SynItem, Meta, UseTree};

/// One file of Rust.
#[derive(Debug)]
pub struct Source {
    /// Its identifiers and keywords, those inside macros too, each with its line, from 1. Comments and strings hold none.
    pub words: Vec<(String, usize)>,
    /// The paths that it names: those of `use` with the groups taken apart, and those in the code.
    pub paths: Vec<Path>,
    /// Its items, those inside functions too, in order.
    pub items: Vec<Item>,
}

/// A path as it is written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// `crate`, `model`, `Event`; the last may be `*`.
    pub segments: Vec<String>,
    /// The name that it binds, if it is a path of `use`.
    pub binds: Option<String>,
    /// Where it stands.
    pub at: Place,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its keyword; `mod {` for a module with its body beside the name.
    pub kind: &'static str,
    /// Its name; of an `impl` the last name of the type.
    pub name: String,
    /// Of a struct: how many fields.
    pub fields: usize,
    /// Where it stands. A test module stands in tests itself.
    pub at: Place,
}

/// Where something stands in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Its line, from 1.
    pub line: usize,
    /// The modules of this file that it stands in, the outermost first.
    pub modules: Vec<String>,
    /// Whether one of them is compiled for tests alone.
    pub is_test: bool,
}

impl Source {
    /// Reads a file; an error says why it is not Rust.
    pub fn read(text: &str) -> syn::Result<Self> {
        let tokens: TokenStream = text.parse()?;
        let mut reader =
            Reader { source: Self { words: Vec::new(), paths: Vec::new(), items: Vec::new() }, at: Place::default() };
        reader.read_words(tokens.clone());
        reader.visit_file(&syn::parse2(tokens)?);
        Ok(reader.source)
    }
}

fn line(span: Span) -> usize {
    span.start().line
}

fn word(ident: &proc_macro2::Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// A name, or the star at the end of a path.
fn is_name(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(mark) => mark.as_char() == '*',
        _ => false,
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

struct Reader {
    source: Source,
    /// Of the modules that are being read; its line is not kept.
    at: Place,
}

impl Reader {
    fn place(&self, line: usize) -> Place {
        Place { line, ..self.at.clone() }
    }

    fn read_words(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.source.words.push((word(&ident), line(ident.span()))),
                TokenTree::Group(group) => self.read_words(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// The paths of a macro's tokens, as far as they can be told without knowing the macro: names with `::` between them.
    fn read_tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let (mut segments, mut colons, mut begins) = (prefix.to_vec(), 0, 0);
        for token in tokens {
            match &token {
                TokenTree::Punct(mark) if mark.as_char() == ':' && colons == 1 => colons = 2,
                TokenTree::Punct(mark) if mark.as_char() == ':' && mark.spacing() == Spacing::Joint => colons = 1,
                TokenTree::Ident(_) | TokenTree::Punct(_) if colons == 2 && is_name(&token) => {
                    segments.push(token.to_string().trim_start_matches("r#").to_owned());
                    colons = 0;
                }
                TokenTree::Group(group) if colons == 2 && group.delimiter() == Delimiter::Brace => {
                    self.read_tokens(group.stream(), &segments);
                    (segments, colons) = (prefix.to_vec(), 0);
                }
                _ => {
                    self.end_path(&mut segments, prefix, begins);
                    colons = 0;
                    match &token {
                        TokenTree::Group(group) => self.read_tokens(group.stream(), &[]),
                        token if is_name(token) => {
                            segments.push(token.to_string().trim_start_matches("r#").to_owned());
                            begins = line(token.span());
                        }
                        _ => {}
                    }
                }
            }
        }
        self.end_path(&mut segments, prefix, begins);
    }

    fn end_path(&mut self, segments: &mut Vec<String>, prefix: &[String], line: usize) {
        if segments.len() > prefix.len() {
            let segments = std::mem::replace(segments, prefix.to_vec());
            self.source.paths.push(Path { segments, binds: None, at: self.place(line) });
        }
    }

    fn read_use(&mut self, tree: &UseTree, prefix: &[String]) {
        let with = |name: &str| prefix.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>();
        let (segments, binds) = match tree {
            UseTree::Path(path) => return self.read_use(&path.tree, &with(&word(&path.ident))),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.read_use(tree, prefix)),
            UseTree::Name(name) if name.ident == "self" => (prefix.to_vec(), prefix.last().cloned().unwrap_or_default()),
            UseTree::Name(name) => (with(&word(&name.ident)), word(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => (prefix.to_vec(), word(&rename.rename)),
            UseTree::Rename(rename) => (with(&word(&rename.ident)), word(&rename.rename)),
            UseTree::Glob(_) => (with("*"), "*".to_owned()),
        };
        let at = self.place(line(tree.span()));
        self.source.paths.push(Path { segments, binds: Some(binds), at });
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast SynItem) {
        let (kind, ident) = match item {
            SynItem::Const(item) => ("const", Some(&item.ident)),
            SynItem::Enum(item) => ("enum", Some(&item.ident)),
            SynItem::ExternCrate(item) => ("extern crate", Some(&item.ident)),
            SynItem::Fn(item) => ("fn", Some(&item.sig.ident)),
            SynItem::Impl(_) => ("impl", None),
            SynItem::Macro(item) => ("macro", item.ident.as_ref()),
            SynItem::Mod(item) => (if item.content.is_some() { "mod {" } else { "mod" }, Some(&item.ident)),
            SynItem::Static(item) => ("static", Some(&item.ident)),
            SynItem::Struct(item) => ("struct", Some(&item.ident)),
            SynItem::Trait(item) => ("trait", Some(&item.ident)),
            SynItem::Type(item) => ("type", Some(&item.ident)),
            SynItem::Union(item) => ("union", Some(&item.ident)),
            SynItem::Use(_) => ("use", None),
            _ => ("item", None),
        };
        let name = match item {
            SynItem::Impl(item) => match &*item.self_ty {
                syn::Type::Path(of) => of.path.segments.last().map(|last| word(&last.ident)),
                _ => None,
            },
            _ => ident.map(word),
        };
        let fields = if let SynItem::Struct(item) = item { item.fields.len() } else { 0 };
        let mut at = self.place(line(ident.map_or_else(|| item.span(), Spanned::span)));
        let outer = self.at.clone();
        if let SynItem::Mod(module) = item {
            at.is_test |= is_for_tests(&module.attrs);
            self.at.is_test = at.is_test;
            self.at.modules.extend(name.clone());
        }
        self.source.items.push(Item { kind, name: name.unwrap_or_default(), fields, at });
        visit::visit_item(self, item);
        self.at = outer;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.read_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| word(&segment.ident)).collect();
        self.source.paths.push(Path { segments, binds: None, at: self.place(line(path.span())) });
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.read_tokens(invocation.tokens.clone(), &[]);
        visit::visit_macro(self, invocation);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.read_tokens(list.tokens.clone(), &[]);
        visit::visit_meta_list(self, list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Source {
        Source::read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    fn written(text: &str) -> Vec<String> {
        read(text).paths.into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn comments_and_strings_hold_no_code() {
        let words: Vec<String> = read("// a\n/* b /* c */ d */ fn e() { \"f\"; r#\"g \"\"#; 'h'; b'i'; r#type::x }")
            .words
            .into_iter()
            .map(|(word, _)| word)
            .collect();
        assert_eq!(words, ["fn", "e", "type", "x"]);
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let lines: Vec<usize> = read("fn a(\n/* \n */ b: c\n) { \"\n\n\"; d }").words.iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, [1, 1, 3, 3, 6]);
    }

    #[test]
    fn groups_are_taken_apart() {
        let source = read("use crate::{model::{self, Event as E, *}, sys};");
        let bound: Vec<(String, &str)> =
            source.paths.iter().map(|path| (path.segments.join("::"), path.binds.as_deref().unwrap_or_default())).collect();
        assert_eq!(
            bound,
            [("crate::model", "model"), ("crate::model::Event", "E"), ("crate::model::*", "*"), ("crate::sys", "sys")]
                .map(|(path, name)| (path.to_owned(), name))
        );
    }

    #[test]
    fn paths_are_found_in_types_expressions_attributes_and_macros() {
        assert_eq!(
            written("fn f(a: &crate::A<b::C>) -> d::E { crate::g::<h::I>(1) }"),
            ["crate::A", "b::C", "d::E", "crate::g", "h::I"]
        );
        assert_eq!(written("fn f() { m!(crate::a::b(x), c: d, ::std::e, y::{z, w}) }")[..2], ["crate::a::b", "x"]);
        for path in ["c", "d", "std::e", "y::z", "y::w"] {
            assert!(written("fn f() { m!(crate::a::b(x), c: d, ::std::e, y::{z, w}) }").contains(&path.to_owned()), "{path}");
        }
        assert!(written("#[derive(a::B)] struct C;").contains(&"a::B".to_owned()));
        assert!(written("macro_rules! m { () => { use a::{b::*, c}; } }").contains(&"a::b::*".to_owned()));
    }

    #[test]
    fn only_test_modules_are_tests() {
        let source =
            read("fn a() {} #[cfg(test)] mod tests { fn b() { c::d() } } fn e() {} #[cfg(test)] fn f() {} #[cfg(unix)] mod g;");
        let tests: Vec<&str> = source.items.iter().filter(|item| item.at.is_test).map(|item| &*item.name).collect();
        assert_eq!(tests, ["tests", "b"]);
        let path = source.paths.iter().find(|path| path.segments == ["c", "d"]).unwrap();
        assert_eq!((path.at.is_test, &path.at.modules[..]), (true, &["tests".to_owned()][..]));
    }
}
