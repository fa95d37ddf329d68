//! Reads event files: records with their checksums, and of their protocol buffers what the tests ask for.

use std::path::{Path, PathBuf};

/// A field of a message: its number and its content; numbers are kept as eight bytes.
type Field = (u64, Vec<u8>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) step: i64,
    pub(crate) tag: String,
    pub(crate) plugin: String,
    /// The number of a scalar.
    pub(crate) value: Option<f32>,
    /// The bytes of another tensor, or its strings one after another.
    pub(crate) content: Vec<u8>,
}

/// The only event file in a folder.
pub(crate) fn file(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|p| p.display().to_string().contains("events.out.tfevents"))
        .collect();
    assert_eq!(files.len(), 1, "{}: {files:?}", folder.display());
    files.remove(0)
}

/// The values in the only event file of a folder.
pub(crate) fn values(folder: &Path) -> Vec<Event> {
    let bytes = std::fs::read(file(folder)).unwrap();
    records(&bytes).iter().flat_map(|record| event(record)).collect()
}

/// Tags, steps and numbers of the scalars.
pub(crate) fn scalars(folder: &Path) -> Vec<(String, i64, f32)> {
    let scalars = values(folder)
        .into_iter()
        .filter_map(|e| Some((e.tag, e.step, e.value?)));
    scalars.collect()
}

pub(crate) fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!(bytes[8..12], checksum(&bytes[..8]), "checksum of a length");
        let data = &bytes[12..12 + length];
        assert_eq!(
            bytes[12 + length..16 + length],
            checksum(data),
            "checksum of a record"
        );
        records.push(data.to_vec());
        bytes = &bytes[16 + length..];
    }
    records
}

/// Castagnoli's polynomial bit by bit, masked as TensorFlow does.
fn checksum(data: &[u8]) -> [u8; 4] {
    let mut crc = !0u32;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn event(record: &[u8]) -> Vec<Event> {
    let fields = fields(record);
    let step = number(&fields, 2);
    let summary = only(&fields, 5);
    let values = self::fields(&summary)
        .into_iter()
        .filter(|(field, _)| *field == 1);
    values
        .map(|(_, value)| {
            let value = self::fields(&value);
            let tensor = self::fields(&only(&value, 8));
            let metadata = self::fields(&only(&value, 9));
            let plugin = self::fields(&only(&metadata, 1));
            let float = only(&tensor, 5);
            let content: Vec<u8> = tensor
                .iter()
                .filter(|(field, _)| matches!(field, 4 | 8))
                .flat_map(|(_, content)| content.clone())
                .collect();
            Event {
                step,
                tag: String::from_utf8(only(&value, 1)).unwrap(),
                plugin: String::from_utf8(only(&plugin, 1)).unwrap(),
                value: float.try_into().ok().map(f32::from_le_bytes),
                content,
            }
        })
        .collect()
}

fn only(fields: &[Field], number: u64) -> Vec<u8> {
    let found = fields.iter().find(|(field, _)| *field == number);
    found.map(|(_, content)| content.clone()).unwrap_or_default()
}

fn number(fields: &[Field], field: u64) -> i64 {
    only(fields, field)
        .try_into()
        .map(i64::from_le_bytes)
        .unwrap_or(0)
}

fn fields(mut bytes: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let content = match key & 7 {
            0 => varint(&mut bytes).to_le_bytes().to_vec(),
            1 => take(&mut bytes, 8),
            2 => {
                let length = varint(&mut bytes) as usize;
                take(&mut bytes, length)
            }
            kind => panic!("a field of kind {kind}"),
        };
        fields.push((key >> 3, content));
    }
    fields
}

fn take(bytes: &mut &[u8], count: usize) -> Vec<u8> {
    let (head, rest) = bytes.split_at(count);
    *bytes = rest;
    head.to_vec()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
