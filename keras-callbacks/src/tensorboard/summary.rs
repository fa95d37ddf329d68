//! What event files say: values with tags, by TensorBoard's plugins.

use super::wire::Message;

/// How TensorBoard handles a plugin's values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    Scalar = 1,
    Tensor = 2,
    Blobs = 3,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Plugin {
    name: &'static str,
    class: Class,
}

pub(super) const SCALARS: Plugin = Plugin::new("scalars", Class::Scalar);
pub(super) const HISTOGRAMS: Plugin = Plugin::new("histograms", Class::Tensor);
pub(super) const IMAGES: Plugin = Plugin::new("images", Class::Blobs);
pub(super) const TEXT: Plugin = Plugin::new("text", Class::Tensor);
pub(super) const HPARAMS: Plugin = Plugin::new("hparams", Class::Tensor);
pub(super) const KERAS_MODEL: Plugin = Plugin::new("graph_keras_model", Class::Blobs);

impl Plugin {
    const fn new(name: &'static str, class: Class) -> Self {
        Self { name, class }
    }

    /// A summary of one value. `content` is the plugin's own.
    pub(super) fn summary(self, tag: &str, content: &[u8], tensor: &Message) -> Message {
        let mut data = Message::new().bytes(1, self.name);
        if !content.is_empty() {
            data = data.bytes(2, content);
        }
        let metadata = Message::new().message(1, &data).int(4, self.class as i64);
        let value = Message::new()
            .bytes(1, tag)
            .message(8, tensor)
            .message(9, &metadata);
        Message::new().message(1, &value)
    }
}

fn tensor(dtype: i64, shape: &[usize]) -> Message {
    let dims = shape.iter().fold(Message::new(), |dims, size| {
        dims.message(2, &Message::new().int(1, *size as i64))
    });
    Message::new().int(1, dtype).message(2, &dims)
}

/// A scalar of 32 bits, as TensorBoard's plots have it.
pub(super) fn float(value: f64) -> Message {
    tensor(1, &[]).bytes(5, (value as f32).to_le_bytes())
}

/// No numbers.
pub(super) fn nothing() -> Message {
    tensor(1, &[0])
}

/// Rows of three numbers.
pub(super) fn rows(rows: &[[f64; 3]]) -> Message {
    let bytes: Vec<u8> = rows.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
    tensor(2, &[rows.len(), 3]).bytes(4, bytes)
}

/// A list of byte strings.
pub(super) fn strings(strings: &[Vec<u8>]) -> Message {
    let list = tensor(7, &[strings.len()]);
    strings.iter().fold(list, |list, string| list.bytes(8, string))
}

/// One string.
pub(super) fn string(text: &str) -> Message {
    tensor(7, &[]).bytes(8, text)
}
