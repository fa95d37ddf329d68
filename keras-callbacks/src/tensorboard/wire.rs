//! Protocol buffers, as far as event files need them: messages are written, never read.

/// A message that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn int(mut self, field: u64, value: i64) -> Self {
        self.key(field, 0);
        // Negative numbers take ten bytes, as in every protocol buffer.
        self.varint(value.cast_unsigned());
        self
    }

    pub(super) fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    /// The examples of the description of the encoding, and a negative number.
    #[test]
    fn bytes_are_those_of_protocol_buffers() {
        assert_eq!(Message::new().int(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::new().bytes(2, "testing");
        assert_eq!(text.clone().into_bytes(), b"\x12\x07testing");
        assert_eq!(
            Message::new().message(3, &text).into_bytes(),
            b"\x1a\x09\x12\x07testing"
        );
        let negative = [&[0x08][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(Message::new().int(1, -1).into_bytes(), negative);
        assert_eq!(
            Message::new().double(1, 1.).into_bytes(),
            [9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]
        );
    }
}
