//! A writer of TIFFs of every shape, written from the specification and not with the tiff crate.

/// A page and how to store it.
pub(super) struct TiffPage {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bytes of a value.
    pub(super) item: usize,
    pub(super) samples: usize,
    /// 1 unsigned, 2 signed, 3 float.
    pub(super) sample_format: u32,
    /// Row by row, samples together, in the byte order of the file.
    pub(super) pixels: Vec<u8>,
    pub(super) layout: TiffLayout,
    /// More tags: number, and a number or a text.
    pub(super) tags: Vec<(u16, TagValue)>,
}

/// How the pixels are cut.
#[derive(Clone, Copy)]
pub(super) enum TiffLayout {
    Strips { rows: usize },
    Tiles { width: usize, height: usize },
    PlanarStrips { rows: usize },
    PlanarTiles { width: usize, height: usize },
}

#[derive(Clone)]
pub(super) enum TagValue {
    Number(u32),
    Numbers(Vec<u32>),
    Text(String),
}

struct Writer {
    big_endian: bool,
    bytes: Vec<u8>,
}

impl Writer {
    fn short(&mut self, value: u16) {
        let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.extend(bytes);
    }

    fn long(&mut self, value: u32) {
        self.bytes.extend(self.long_bytes(value));
    }

    fn long_bytes(&self, value: u32) -> [u8; 4] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn here(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap()
    }

    /// Puts data beside the directory and returns where.
    fn data(&mut self, data: &[u8]) -> u32 {
        let at = self.here();
        self.bytes.extend(data);
        if self.bytes.len() % 2 == 1 {
            self.bytes.push(0);
        }
        at
    }
}

/// A whole TIFF file.
pub(super) fn tiff_file(big_endian: bool, pages: &[TiffPage]) -> Vec<u8> {
    let mut writer = Writer { big_endian, bytes: Vec::new() };
    writer.bytes.extend(if big_endian { b"MM" } else { b"II" });
    writer.short(42);
    let mut link = writer.bytes.len();
    writer.long(0);
    for page in pages {
        let tags = page_tags(&mut writer, page);
        let at = writer.long_bytes(writer.here());
        writer.bytes[link..link + 4].copy_from_slice(&at);
        link = directory(&mut writer, &tags);
    }
    writer.bytes
}

/// Writes the pixels and says which tags describe them.
fn page_tags(writer: &mut Writer, page: &TiffPage) -> Vec<(u16, TagValue)> {
    let number = |value: usize| TagValue::Number(u32::try_from(value).unwrap());
    let (planar, tiled, [width, height]) = match page.layout {
        TiffLayout::Strips { rows } => (false, false, [page.width, rows]),
        TiffLayout::Tiles { width, height } => (false, true, [width, height]),
        TiffLayout::PlanarStrips { rows } => (true, false, [page.width, rows]),
        TiffLayout::PlanarTiles { width, height } => (true, true, [width, height]),
    };
    let (mut offsets, mut counts) = (Vec::new(), Vec::new());
    for plane in 0..if planar { page.samples } else { 1 } {
        for y in (0..page.height).step_by(height) {
            for x in (0..page.width).step_by(width) {
                let block = block(page, planar.then_some(plane), [x, y], [width, height], tiled);
                counts.push(u32::try_from(block.len()).unwrap());
                offsets.push(writer.data(&block));
            }
        }
    }
    let bits = TagValue::Numbers(vec![u32::try_from(page.item * 8).unwrap(); page.samples]);
    let mut tags = vec![
        (256, number(page.width)),
        (257, number(page.height)),
        (258, bits),
        (259, number(1)),
        (262, number(if page.samples == 3 { 2 } else { 1 })),
        (277, number(page.samples)),
        (284, number(if planar { 2 } else { 1 })),
        (339, TagValue::Numbers(vec![page.sample_format; page.samples])),
    ];
    if tiled {
        tags.extend([(322, number(width)), (323, number(height))]);
        tags.extend([(324, TagValue::Numbers(offsets)), (325, TagValue::Numbers(counts))]);
    } else {
        tags.extend([(273, TagValue::Numbers(offsets)), (278, number(height))]);
        tags.push((279, TagValue::Numbers(counts)));
    }
    for (tag, value) in &page.tags {
        tags.retain(|(known, _)| known != tag);
        tags.push((*tag, value.clone()));
    }
    tags.sort_by_key(|&(tag, _)| tag);
    tags
}

/// The pixels of a strip or tile; tiles are filled up at the edges.
fn block(
    page: &TiffPage,
    plane: Option<usize>,
    [x0, y0]: [usize; 2],
    [width, height]: [usize; 2],
    tiled: bool,
) -> Vec<u8> {
    let mut block = Vec::new();
    for y in y0..y0 + height {
        for x in x0..x0 + width {
            if (x >= page.width || y >= page.height) && !tiled {
                continue;
            }
            for sample in plane.map_or(0..page.samples, |plane| plane..plane + 1) {
                if x < page.width && y < page.height {
                    let at = ((y * page.width + x) * page.samples + sample) * page.item;
                    block.extend(&page.pixels[at..at + page.item]);
                } else {
                    block.extend(vec![0xcc; page.item]);
                }
            }
        }
    }
    block
}

/// Writes a directory and returns where its link to the next is.
fn directory(writer: &mut Writer, tags: &[(u16, TagValue)]) -> usize {
    // Values that do not fit the four bytes of an entry follow the directory.
    let mut behind = writer.bytes.len() + 2 + 12 * tags.len() + 4;
    let mut extra = Vec::new();
    writer.short(u16::try_from(tags.len()).unwrap());
    for (tag, value) in tags {
        let (kind, count, bytes) = match value {
            TagValue::Number(number) => (4, 1, writer.long_bytes(*number).to_vec()),
            TagValue::Numbers(numbers) => {
                let bytes = numbers.iter().flat_map(|&number| writer.long_bytes(number));
                (4, numbers.len(), bytes.collect())
            }
            TagValue::Text(text) => (2, text.len() + 1, [text.as_bytes(), b"\0"].concat()),
        };
        writer.short(*tag);
        writer.short(kind);
        writer.long(u32::try_from(count).unwrap());
        if bytes.len() <= 4 {
            let mut inline = bytes;
            inline.resize(4, 0);
            writer.bytes.extend(inline);
        } else {
            writer.long(u32::try_from(behind).unwrap());
            behind += bytes.len();
            extra.extend(bytes);
        }
    }
    let link = writer.bytes.len();
    writer.long(0);
    writer.bytes.extend(extra);
    link
}
