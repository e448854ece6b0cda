//! Equal texts, kept once: a lock's name comes with every wait for it. Pure.

use std::collections::HashSet;
use std::sync::Arc;

/// Different texts that are shared; later texts get copies of their own.
const MOST_TEXTS: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct SharedTexts {
    known: HashSet<Arc<str>>,
    /// The commonest text, without a look-up.
    empty: Arc<str>,
}

impl SharedTexts {
    pub(crate) fn share(&mut self, text: &str) -> Arc<str> {
        if text.is_empty() {
            return Arc::clone(&self.empty);
        }
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = text.into();
        if self.known.len() < MOST_TEXTS {
            self.known.insert(Arc::clone(&shared));
        }
        shared
    }
}
