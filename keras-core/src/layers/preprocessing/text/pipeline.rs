//! From a text to tokens.

use super::{Split, Standardize};

/// Standardising, splitting and joining neighbours, in this order.
#[derive(Debug, Default)]
pub(in crate::layers::preprocessing) struct Tokenizer {
    pub(in crate::layers::preprocessing) standardize: Standardize,
    pub(in crate::layers::preprocessing) split: Split,
    /// The lengths of runs of tokens that are joined to one.
    pub(in crate::layers::preprocessing) ngrams: Option<Vec<usize>>,
}

/// Room that is used again for each document.
#[derive(Debug, Default)]
pub(in crate::layers::preprocessing) struct Room {
    text: String,
    joined: String,
}

impl Tokenizer {
    /// Calls `f` with each token of a document, which is one text unless texts are not split, until it says to
    /// stop.
    pub(in crate::layers::preprocessing) fn each(
        &self,
        document: &[&str],
        room: &mut Room,
        mut f: impl FnMut(&str) -> bool,
    ) {
        let Some(ngrams) = &self.ngrams else {
            for text in document {
                let mut more = true;
                let text = self.standardize.apply(text, &mut room.text);
                self.split.each(&text, |token| {
                    more = f(token);
                    more
                });
                if !more {
                    return;
                }
            }
            return;
        };
        let texts: Vec<String> = document
            .iter()
            .map(|text| self.standardize.apply(text, &mut room.text).into_owned())
            .collect();
        let mut tokens = Vec::new();
        for text in &texts {
            self.split.each(text, |token| {
                tokens.push(token);
                true
            });
        }
        for run in ngrams.iter().flat_map(|n| tokens.windows((*n).max(1))) {
            let more = match run {
                [one] => f(one),
                [first, rest @ ..] => {
                    room.joined.clear();
                    room.joined.push_str(first);
                    for token in rest {
                        room.joined.push(' ');
                        room.joined.push_str(token);
                    }
                    f(&room.joined)
                }
                [] => true,
            };
            if !more {
                return;
            }
        }
    }
}
