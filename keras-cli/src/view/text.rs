//! Parts of long texts.

/// The last `most` bytes of a text, from the begin of a line.
pub(super) fn tail(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let from = (text.len() - most..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    let part = &text[from..];
    let part = part.split_once('\n').map_or(part, |(_, rest)| rest);
    format!("… {} bytes left out …\n{part}", text.len() - part.len())
}

/// The first `most` bytes of a text, to the end of a line.
pub(super) fn head(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let to = (0..=most)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let part = &text[..to];
    let part = part.rsplit_once('\n').map_or(part, |(first, _)| first);
    format!("{part}\n… {} bytes left out …", text.len() - part.len())
}
