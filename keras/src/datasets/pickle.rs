//! Reads the part of Python's pickle format that arrays and lists of numbers are kept in. Nothing is executed:
//! calls of Python functions are kept as data.

use std::cell::RefCell;
use std::rc::Rc;

use keras_core::{Error, Result, bail};

/// A Python object. Lists and dicts are shared, as in Python: they are filled after they were remembered.
#[derive(Clone, Debug)]
pub(super) enum Object {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Bytes(Rc<Vec<u8>>),
    Text(Rc<String>),
    Tuple(Rc<Vec<Object>>),
    List(Rc<RefCell<Vec<Object>>>),
    Dict(Rc<RefCell<Vec<(Object, Object)>>>),
    Global(Rc<String>),
    /// What a call gave, with the state set afterwards.
    Call(Rc<Call>),
}

#[derive(Debug)]
pub(super) struct Call {
    function: String,
    state: RefCell<Object>,
}

impl Object {
    /// The value of a dict under a key of text or bytes.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let Self::Dict(items) = self else { return None };
        let items = items.borrow();
        let found = items.iter().find(|(k, _)| match k {
            Self::Bytes(bytes) => bytes.as_slice() == key.as_bytes(),
            Self::Text(text) => text.as_str() == key,
            _ => false,
        });
        found.map(|(_, value)| value.clone())
    }

    /// The numbers of a list.
    pub(super) fn ints(&self) -> Option<Vec<i64>> {
        let int = |o: &Self| match o {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        };
        match self {
            Self::List(items) => items.borrow().iter().map(int).collect(),
            Self::Tuple(items) => items.iter().map(int).collect(),
            _ => None,
        }
    }

    /// The shape and content of a NumPy array: raw bytes, or a list of objects.
    pub(super) fn array(&self) -> Option<(Vec<usize>, Self)> {
        let Self::Call(call) = self else { return None };
        let state = call.state.borrow();
        match (&*state, call.function.ends_with("multiarray _reconstruct")) {
            (Self::Tuple(state), true) => {
                let [_version, shape, _dtype, _fortran, content] = state.as_slice() else {
                    return None;
                };
                let shape = shape.ints()?.into_iter().map(usize::try_from);
                Some((
                    shape.collect::<std::result::Result<_, _>>().ok()?,
                    content.clone(),
                ))
            }
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.borrow().clone()),
            _ => None,
        }
    }
}

/// Reads one object.
///
/// # Errors
/// When the data is cut off or uses what this reader does not know.
pub(super) fn load(data: &[u8]) -> Result<Object> {
    let mut machine = Machine {
        data,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
    };
    loop {
        let at = machine.at;
        let code = machine.byte()?;
        if code == b'.' {
            return machine.pop();
        }
        machine
            .step(code)
            .map_err(|e| e.context(format!("pickle, byte {at}")))?;
    }
}

struct Machine<'a> {
    data: &'a [u8],
    at: usize,
    stack: Vec<Object>,
    marks: Vec<usize>,
    memo: Vec<Option<Object>>,
}

impl<'a> Machine<'a> {
    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            0x80 => drop(self.byte()?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'N' => self.stack.push(Object::None),
            0x88 => self.stack.push(Object::Bool(true)),
            0x89 => self.stack.push(Object::Bool(false)),
            b'K' | b'M' | b'J' | 0x8a => self.int(code)?,
            b'G' => {
                self.take(8)?;
                self.stack.push(Object::Float);
            }
            b'U' | b'C' | b'T' | b'B' | 0x8e => {
                let bytes = self.sized(code)?.to_vec();
                self.stack.push(Object::Bytes(bytes.into()));
            }
            b'X' | 0x8c | 0x8d => {
                let text = String::from_utf8_lossy(self.sized(code)?).into_owned();
                self.stack.push(Object::Text(text.into()));
            }
            b']' => self.stack.push(Object::List(Rc::default())),
            b'}' => self.stack.push(Object::Dict(Rc::default())),
            b')' => self.stack.push(Object::Tuple(Rc::default())),
            b't' => {
                let items = self.marked()?;
                self.stack.push(Object::Tuple(items.into()));
            }
            0x85..=0x87 => {
                let items = self.last(usize::from(code - 0x84))?;
                self.stack.push(Object::Tuple(items.into()));
            }
            b'a' => {
                let item = self.last(1)?;
                self.append(item)?;
            }
            b'e' => {
                let items = self.marked()?;
                self.append(items)?;
            }
            b's' => {
                let pair = self.last(2)?;
                self.set_items(pair)?;
            }
            b'u' => {
                let items = self.marked()?;
                self.set_items(items)?;
            }
            b'q' | b'r' | 0x94 => self.remember(code)?,
            b'h' | b'j' => self.recall(code)?,
            b'c' | 0x93 => self.global(code)?,
            b'R' => self.call()?,
            b'b' => self.build()?,
            other => bail!("unknown instruction {other:#04x}"),
        }
        Ok(())
    }

    fn int(&mut self, code: u8) -> Result<()> {
        let count = match code {
            b'K' => 1,
            b'M' => 2,
            b'J' => 4,
            _ => usize::from(self.byte()?),
        };
        let bytes = self.take(count)?;
        if count > 8 {
            bail!("a whole number of {count} bytes is too large");
        }
        let negative = matches!(code, b'J' | 0x8a) && bytes.last().is_some_and(|b| *b >= 0x80);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        wide[..count].copy_from_slice(bytes);
        self.stack.push(Object::Int(i64::from_le_bytes(wide)));
        Ok(())
    }

    /// Bytes with their length before them.
    fn sized(&mut self, code: u8) -> Result<&'a [u8]> {
        let width = match code {
            b'U' | b'C' | 0x8c => 1,
            b'T' | b'B' | b'X' => 4,
            _ => 8,
        };
        let len = self.number(width)?;
        self.take(len)
    }

    fn number(&mut self, width: usize) -> Result<usize> {
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(self.take(width)?);
        Ok(usize::try_from(u64::from_le_bytes(wide)).unwrap_or(usize::MAX))
    }

    fn remember(&mut self, code: u8) -> Result<()> {
        let key = match code {
            b'q' => usize::from(self.byte()?),
            b'r' => self.number(4)?,
            _ => self.memo.len(),
        };
        let Some(top) = self.stack.last().cloned() else {
            bail!("nothing to remember")
        };
        // Keys are given out in order; a far larger one is no pickle of Python's.
        if key > self.data.len() {
            bail!("remembered under {key}, out of order");
        }
        if self.memo.len() <= key {
            self.memo.resize(key + 1, None);
        }
        self.memo[key] = Some(top);
        Ok(())
    }

    fn recall(&mut self, code: u8) -> Result<()> {
        let key = if code == b'h' {
            usize::from(self.byte()?)
        } else {
            self.number(4)?
        };
        match self.memo.get(key) {
            Some(Some(object)) => self.stack.push(object.clone()),
            _ => bail!("nothing was remembered under {key}"),
        }
        Ok(())
    }

    fn global(&mut self, code: u8) -> Result<()> {
        let name = if code == b'c' {
            format!("{} {}", self.line()?, self.line()?)
        } else {
            match self.last(2)?.as_slice() {
                [Object::Text(module), Object::Text(name)] => format!("{module} {name}"),
                other => bail!("expected the names of a class, got {other:?}"),
            }
        };
        self.stack.push(Object::Global(name.into()));
        Ok(())
    }

    fn call(&mut self) -> Result<()> {
        let pair = self.last(2)?;
        let [Object::Global(function), Object::Tuple(arguments)] = pair.as_slice() else {
            bail!("expected a function and its arguments");
        };
        let made = match (function.as_str(), arguments.as_slice()) {
            // Python 3 writes bytes so for Python 2: Latin-1 text.
            ("_codecs encode", [Object::Text(text), Object::Text(_)]) => {
                let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
                let Some(bytes) = bytes else {
                    bail!("expected Latin-1 text")
                };
                Object::Bytes(bytes.into())
            }
            (name, _) => {
                let state = RefCell::new(Object::None);
                Object::Call(Rc::new(Call {
                    function: name.to_owned(),
                    state,
                }))
            }
        };
        self.stack.push(made);
        Ok(())
    }

    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        match self.stack.last() {
            Some(Object::Call(call)) => drop(call.state.replace(state)),
            other => bail!("expected an object to set the state of, got {other:?}"),
        }
        Ok(())
    }

    fn append(&mut self, items: Vec<Object>) -> Result<()> {
        match self.stack.last() {
            Some(Object::List(list)) => list.borrow_mut().extend(items),
            other => bail!("expected a list to add to, got {other:?}"),
        }
        Ok(())
    }

    fn set_items(&mut self, items: Vec<Object>) -> Result<()> {
        let Some(Object::Dict(dict)) = self.stack.last() else {
            bail!("expected a dict to add to")
        };
        let mut dict = dict.borrow_mut();
        for pair in items.chunks_exact(2) {
            dict.push((pair[0].clone(), pair[1].clone()));
        }
        Ok(())
    }

    fn marked(&mut self) -> Result<Vec<Object>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => bail!("a mark is missing"),
        }
    }

    fn last(&mut self, count: usize) -> Result<Vec<Object>> {
        match self.stack.len().checked_sub(count) {
            Some(start) => Ok(self.stack.split_off(start)),
            None => bail!("expected {count} objects"),
        }
    }

    fn pop(&mut self) -> Result<Object> {
        self.stack
            .pop()
            .ok_or_else(|| Error::invalid("pickle: nothing there"))
    }

    fn line(&mut self) -> Result<String> {
        let rest = &self.data[self.at..];
        let Some(end) = rest.iter().position(|b| *b == b'\n') else {
            bail!("cut off")
        };
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.data.len());
        let Some(end) = end else { bail!("pickle: cut off") };
        let bytes = &self.data[self.at..end];
        self.at = end;
        Ok(bytes)
    }
}
