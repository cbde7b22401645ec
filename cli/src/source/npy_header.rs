//! The header of `.npy` files: a Python dictionary of three entries.
//!
//! Read by hand rather than with npyz, whose parser multiplies the shape without a check,
//! allocates what the length field says, and recurses as deep as the brackets go.

use std::io::Read;
use std::path::Path;

use bigarrays::info::DataType;

use super::SourceError;

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NpyHeader {
    pub(super) data_type: DataType,
    pub(super) big_endian: bool,
    pub(super) fortran: bool,
    pub(super) shape: Vec<u64>,
    /// The length of the header in bytes.
    pub(super) len: u64,
}

/// No array needs more; numpy itself stops at 10000 unless told otherwise.
const LONGEST: usize = 1 << 16;

impl NpyHeader {
    /// Reads the header, and not a byte more.
    pub(super) fn read(path: &Path, file: &mut dyn Read) -> Result<Self, SourceError> {
        let malformed = |reason: &str| SourceError::malformed(path, "npy", reason);
        let mut take = |len: usize| {
            let mut bytes = vec![0; len];
            match file.read_exact(&mut bytes) {
                Ok(()) => Ok(bytes),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    Err(malformed("it ends within the header"))
                }
                Err(error) => Err(SourceError::io("read", path)(error)),
            }
        };
        if take(6)? != b"\x93NUMPY" {
            return Err(malformed("it does not begin with \"\\x93NUMPY\""));
        }
        let version = take(2)?;
        let length = match version[0] {
            1 => take(2)?,
            2 | 3 => take(4)?,
            _ => return Err(malformed(&format!("version {} is not known", version[0]))),
        };
        let before = 8 + length.len();
        let length = length.iter().rev().fold(0_usize, |len, &byte| len << 8 | usize::from(byte));
        if length > LONGEST {
            return Err(malformed(&format!("a header of {length} bytes")));
        }
        let text = take(length)?;
        let text = str::from_utf8(&text).map_err(|_| malformed("the header is not text"))?;
        let (descr, fortran, shape) = Parser(text).dictionary().map_err(|error| match error {
            Fault::Syntax => malformed(&format!("the header is not understood: {}", text.trim())),
            Fault::Structured => SourceError::unsupported(
                path,
                "it holds structured values",
                "save one field of them, such as array[\"name\"]",
            ),
        })?;
        let (data_type, big_endian) = data_type(path, &descr)?;
        Ok(Self { data_type, big_endian, fortran, shape, len: (before + length) as u64 })
    }
}

/// The type of a numpy type string such as `<u2`.
fn data_type(path: &Path, descr: &str) -> Result<(DataType, bool), SourceError> {
    let (order, code) = match descr.split_at_checked(1) {
        Some(("<" | "|", code)) => (false, code),
        Some((">", code)) => (true, code),
        _ => (false, descr),
    };
    let data_type = match code {
        "b1" => DataType::Bool,
        "u1" => DataType::Uint8,
        "u2" => DataType::Uint16,
        "u4" => DataType::Uint32,
        "u8" => DataType::Uint64,
        "i1" => DataType::Int8,
        "i2" => DataType::Int16,
        "i4" => DataType::Int32,
        "i8" => DataType::Int64,
        "f4" => DataType::Float32,
        "f8" => DataType::Float64,
        _ => {
            let what = match code.chars().next() {
                Some('c') => "complex numbers",
                Some('O') => "Python objects",
                Some('S' | 'U' | 'a') => "texts",
                Some('M' | 'm') => "times",
                Some('f') => "floats of an unusual length",
                _ => "values of another kind",
            };
            return Err(SourceError::unsupported(
                path,
                format!("it holds {what} ({descr})"),
                "convert the array first, for instance with array.astype(\"float32\")",
            ));
        }
    };
    Ok((data_type, order))
}

/// Why a dictionary is not understood.
enum Fault {
    Syntax,
    Structured,
}

/// The part of a header that is still to be read.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    /// `{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4, 5), }`, in any order.
    fn dictionary(mut self) -> Result<(String, bool, Vec<u64>), Fault> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.eat('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(Fault::Syntax),
            }
            if !self.eat(',') {
                self.expect('}')?;
                break;
            }
        }
        match (descr, fortran, shape) {
            (Some(descr), Some(fortran), Some(shape)) => Ok((descr.to_owned(), fortran, shape)),
            _ => Err(Fault::Syntax),
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.0 = self.0.trim_start();
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), Fault> {
        if self.eat(wanted) { Ok(()) } else { Err(Fault::Syntax) }
    }

    fn string(&mut self) -> Result<&'a str, Fault> {
        let quote = if self.eat('\'') {
            '\''
        } else {
            self.expect('"')?;
            '"'
        };
        let (text, rest) = self.0.split_once(quote).ok_or(Fault::Syntax)?;
        self.0 = rest;
        Ok(text)
    }

    fn descr(&mut self) -> Result<&'a str, Fault> {
        if self.eat('[') || self.eat('(') {
            return Err(Fault::Structured);
        }
        self.string()
    }

    fn word(&mut self) -> &'a str {
        self.0 = self.0.trim_start();
        let end = self.0.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        match self.word() {
            "True" => Ok(true),
            "False" => Ok(false),
            _ => Err(Fault::Syntax),
        }
    }

    fn shape(&mut self) -> Result<Vec<u64>, Fault> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.eat(')') {
            // Python 2 wrote long integers as 3L.
            let word = self.word();
            let digits = word.strip_suffix('L').unwrap_or(word);
            shape.push(digits.parse().map_err(|_| Fault::Syntax)?);
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(version: u8, text: &str) -> Result<NpyHeader, String> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        let len = u32::try_from(text.len()).unwrap().to_le_bytes();
        bytes.extend(if version == 1 { &len[..2] } else { &len[..] });
        bytes.extend(text.as_bytes());
        bytes.extend([1, 2, 3]);
        let mut rest = &bytes[..];
        let header = NpyHeader::read(Path::new("a.npy"), &mut rest);
        if header.is_ok() {
            assert_eq!(rest, [1, 2, 3]);
        }
        header.map_err(|error| error.to_string())
    }

    #[test]
    fn all_the_ways_to_write_a_header_are_understood() {
        let expected = |len| NpyHeader {
            data_type: DataType::Uint16,
            big_endian: true,
            fortran: false,
            shape: vec![3, 4, 5],
            len,
        };
        let numpy = "{'descr': '>u2', 'fortran_order': False, 'shape': (3, 4, 5), }     \n";
        assert_eq!(parse(1, numpy).unwrap(), expected(10 + 68));
        assert_eq!(parse(2, numpy).unwrap(), expected(12 + 68));
        assert_eq!(parse(3, numpy).unwrap(), expected(12 + 68));
        let other = "{\"shape\":(3L,4L,5L),\"fortran_order\":False,\"descr\":\">u2\"}";
        assert_eq!(parse(1, other).unwrap(), expected(10 + 56));
        let flat = parse(1, "{'descr': '|b1', 'fortran_order': True, 'shape': (7,)}").unwrap();
        assert_eq!((flat.data_type, flat.fortran, flat.shape), (DataType::Bool, true, vec![7]));
        let scalar = parse(1, "{'descr': '<f8', 'fortran_order': True, 'shape': ()}").unwrap();
        assert!(scalar.shape.is_empty());
    }

    #[test]
    fn other_kinds_of_values_are_refused_by_name() {
        for (descr, name) in [
            ("'<c16'", "complex numbers (<c16)"),
            ("'|O'", "Python objects"),
            ("'<U5'", "texts"),
            ("'|S5'", "texts"),
            ("'<M8[ns]'", "times"),
            ("'<f2'", "floats of an unusual length (<f2)"),
            ("'<f16'", "floats of an unusual length"),
            ("'|V8'", "another kind (|V8)"),
            ("[('a', '<i4'), ('b', '<f4')]", "structured values"),
            ("''", "another kind"),
            ("'é'", "another kind"),
        ] {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (3, 4), }}");
            let error = parse(3, &text).unwrap_err();
            assert!(error.contains("a.npy") && error.contains(name), "{error}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "{'descr': '<u2', 'fortran_order': False}",
            "{'descr': '<u2', 'fortran_order': 0, 'shape': (3,)}",
            "{'descr': '<u2', 'fortran_order': False, 'shape': (-3,)}",
            "{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "{'descr': '<u2', 'fortran_order': False, 'shape': ((((((3))))))}",
            "{'descr': '<u2', 'fortran_order': False, 'shape': (3}",
            "{'descr': '<u2', 'fortran_order': False, 'shape': (3,), 'more': 1}",
            "{'descr': '<u2",
        ] {
            let error = parse(1, text).unwrap_err();
            assert!(error.contains("a.npy is not a npy file"), "{text}: {error}");
        }
        let deep = "(".repeat(60000);
        assert!(parse(2, &format!("{{'shape': {deep}")).is_err());
    }

    #[test]
    fn a_header_of_gigabytes_is_not_believed() {
        let bytes = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}";
        let error = NpyHeader::read(Path::new("a.npy"), &mut &bytes[..]).unwrap_err();
        assert!(error.to_string().contains("4294967295"), "{error}");
        let error = NpyHeader::read(Path::new("a.npy"), &mut &b"\x93NUM"[..]).unwrap_err();
        assert!(error.to_string().contains("ends within the header"), "{error}");
        let error = NpyHeader::read(Path::new("a.npy"), &mut &b"PK\x03\x04...."[..]).unwrap_err();
        assert!(error.to_string().contains("does not begin"), "{error}");
    }
}
