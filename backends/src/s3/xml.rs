//! The little that is read of the XML of answers.

use std::borrow::Cow;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// The text of the first element of this name, wherever it is; `None` if there is none or the
/// text is not XML.
pub(super) fn text_of(xml: &[u8], name: &str) -> Option<String> {
    let mut reader = Reader::from_reader(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if start.local_name().as_ref() == name.as_bytes() => {
                let end = start.to_end().into_owned();
                let inside = reader.read_text(end.name()).ok()?;
                let inside = inside.decode().ok()?;
                return quick_xml::escape::unescape(&inside).ok().map(Cow::into_owned);
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// The name of the outermost element.
pub(super) fn root(xml: &[u8]) -> Option<String> {
    let mut reader = Reader::from_reader(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => {
                return String::from_utf8(start.local_name().as_ref().to_vec()).ok();
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_whatever_their_namespace() {
        let xml = br#"<?xml version="1.0"?><E xmlns="u"><Code>No&amp;Key</Code><Code>2</Code></E>"#;
        assert_eq!(text_of(xml, "Code").as_deref(), Some("No&Key"));
        assert_eq!(text_of(xml, "Message"), None);
        assert_eq!(root(xml).as_deref(), Some("E"));
        assert_eq!(text_of(b"<a:Error><a:Code>x</a:Code></a:Error>", "Code").unwrap(), "x");
    }

    #[test]
    fn what_is_no_xml_has_no_elements() {
        for text in
            [&b""[..], b"<html><Code", b"{}", b"\xff\xfe", b"<a></b>", b"<Code>&bad;</Code>"]
        {
            assert_eq!(text_of(text, "Code"), None);
        }
        assert_eq!(root(b"not found"), None);
    }
}
