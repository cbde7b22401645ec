use png::{BitDepth, ColorType};

use super::random::Random;
use super::tiff_bytes::{TagValue, TiffLayout, TiffPage, tiff_file};
use super::*;

const STRIPS: TiffLayout = TiffLayout::Strips { rows: 3 };

/// A z of a model as a page of a TIFF.
fn tiff_page(model: &Model, z: u64, big_endian: bool, layout: TiffLayout) -> TiffPage {
    let mut pixels = Vec::new();
    for y in 0..model.size[1] {
        for x in 0..model.size[0] {
            for c in 0..model.size[3] {
                let mut voxel = model.voxel([x, y, z, c]);
                if big_endian {
                    voxel.reverse();
                }
                pixels.extend(voxel);
            }
        }
    }
    let [width, height, _, samples] = model.size.map(|n| usize::try_from(n).unwrap());
    let name = model.data_type.name();
    TiffPage {
        width,
        height,
        item: model.data_type.size(),
        samples,
        sample_format: if name.starts_with('u') { 1 } else { 2 + u32::from(name.starts_with('f')) },
        pixels,
        layout,
        tags: Vec::new(),
    }
}

fn tiff(model: &Model, big_endian: bool, layout: TiffLayout) -> Vec<u8> {
    let pages: Vec<TiffPage> =
        (0..model.size[2]).map(|z| tiff_page(model, z, big_endian, layout)).collect();
    tiff_file(big_endian, &pages)
}

#[test]
fn tiff_of_every_type_order_and_cut() {
    let files = Files::new();
    for data_type in DataType::ALL.into_iter().filter(|&known| known != DataType::Bool) {
        for big_endian in [false, true] {
            for samples in [1, 3] {
                for layout in [
                    STRIPS,
                    TiffLayout::Strips { rows: 100 },
                    TiffLayout::Tiles { width: 16, height: 16 },
                    TiffLayout::PlanarStrips { rows: 4 },
                ] {
                    let model = Model::new([20, 10, 3, samples], data_type);
                    let path = files.add("a.tif", &tiff(&model, big_endian, layout));
                    let mut source = open_plainly(&path).unwrap();
                    model.check(source.as_mut(), [8, 8, 2], [1, 0, 1], 1 << 20);
                }
            }
        }
    }
}

#[test]
fn tiff_that_another_writer_compressed() {
    use ::tiff::encoder::{Compression, DeflateLevel, Predictor, TiffEncoder, colortype};
    let files = Files::new();
    let model = Model::new([70, 60, 4, 1], DataType::Uint16);
    let compressions = [
        Compression::Uncompressed,
        Compression::Lzw,
        Compression::Packbits,
        Compression::Deflate(DeflateLevel::Balanced),
    ];
    for compression in compressions {
        for predictor in [Predictor::None, Predictor::Horizontal] {
            let mut file = std::io::Cursor::new(Vec::new());
            let mut encoder = TiffEncoder::new_big(&mut file).unwrap();
            encoder = encoder.with_compression(compression).with_predictor(predictor);
            for z in 0..4 {
                let page = model.cutout([0, 0, z], [70, 60, z + 1]);
                let page: Vec<u16> =
                    page.as_chunks().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
                encoder.write_image::<colortype::Gray16>(70, 60, &page).unwrap();
            }
            let path = files.add("a.TIFF", &file.into_inner());
            model.check(open_plainly(&path).unwrap().as_mut(), [64; 3], [0; 3], 1 << 20);
        }
    }
}

#[test]
fn a_folder_of_tiffs_is_one_stack_in_natural_order() {
    let files = Files::new();
    let model = Model::new([6, 5, 12, 1], DataType::Uint8);
    // One page a file, but for the last, which has two.
    for z in 0..10 {
        let page = tiff_page(&model, z, false, STRIPS);
        files.add(&format!("slice{z}.tif"), &tiff_file(false, &[page]));
    }
    let last = [10, 11].map(|z| tiff_page(&model, z, true, STRIPS));
    files.add("slice10.tiff", &tiff_file(true, &last));
    files.add("slice.txt", b"not a page");
    let mut source = open_plainly(files.path()).unwrap();
    assert!(source.describe().contains("11 TIFF files, 12 pages"), "{}", source.describe());
    model.check(source.as_mut(), [64; 3], [0; 3], 1 << 20);
    // Any order will do, if slowly.
    for z in [11, 3, 4, 0] {
        model.check_tile(source.as_mut(), Tile { min: [1, 2, z], max: [5, 4, z + 1] });
    }
}

#[test]
fn axes_name_page_row_column_and_sample() {
    let files = Files::new();
    let stack = |pages: u64, rows: u64, columns: u64, samples: u64| {
        // The letters are read as sizes here: page z, row y, column x.
        let model = Model::new([columns, rows, pages, samples], DataType::Uint16);
        files.add("a.tif", &tiff(&model, false, STRIPS))
    };
    let size = |path: &Path, axes: &str| match open(path, &with_axes(axes)) {
        Ok(source) => Ok(source.size()),
        Err(error) => Err(error.to_string()),
    };
    let gray = stack(2, 3, 4, 1);
    assert_eq!(size(&gray, "zyx"), Ok([4, 3, 2, 1]));
    assert_eq!(size(&gray, "zxy"), Ok([3, 4, 2, 1]));
    assert_eq!(size(&gray, "xyz"), Ok([2, 3, 4, 1]));
    assert_eq!(size(&gray, "cyx"), Ok([4, 3, 1, 2]));
    assert_eq!(size(&gray, "zyxc"), Ok([4, 3, 2, 1]));
    assert!(size(&gray, "yx").unwrap_err().contains("[2, 3, 4, 1], but the axes yx name 2"));
    let colour = stack(2, 3, 4, 3);
    assert_eq!(size(&colour, "zyx"), Ok([4, 3, 2, 3]));
    assert_eq!(size(&colour, "yzxc"), Ok([4, 2, 3, 3]));
    assert!(size(&colour, "cyx").unwrap_err().contains("axes cyx name 3"));
    let page = stack(1, 3, 4, 1);
    assert_eq!(size(&page, "yx"), Ok([4, 3, 1, 1]));
    assert_eq!(size(&page, "xy"), Ok([3, 4, 1, 1]));
    let colour_page = stack(1, 3, 4, 3);
    assert_eq!(size(&colour_page, "yx"), Ok([4, 3, 1, 3]));
    assert_eq!(size(&colour_page, "yxc"), Ok([4, 3, 1, 3]));
    assert_eq!(size(&colour_page, "xyz"), Ok([1, 3, 4, 3]));

    // Transposed, the voxels are where they belong, too.
    for layout in [STRIPS, TiffLayout::PlanarStrips { rows: 2 }] {
        let model = Model::new([4, 3, 2, 3], DataType::Uint16);
        let path = files.add("a.tif", &tiff(&model, false, layout));
        let mut turned = open(&path, &with_axes("xzyc")).unwrap();
        assert_eq!(turned.size(), [2, 4, 3, 3]);
        let mut voxels = vec![0; 2 * 4 * 3 * 3 * 2];
        turned.read_box([0; 3], [2, 4, 3], &mut voxels).unwrap();
        let at = |x: usize, y: usize, z: usize, c: usize| (x + 2 * (y + 4 * (z + 3 * c))) * 2;
        for (x, y, z, c) in [(0, 0, 0, 0), (1, 3, 2, 1), (1, 0, 2, 2), (0, 2, 1, 0)] {
            let [column, row, page, sample] = [y, z, x, c].map(|n| n as u64);
            let voxel = &voxels[at(x, y, z, c)..][..2];
            assert_eq!(voxel, model.voxel([column, row, page, sample]));
        }
    }
}

#[test]
fn pages_that_differ_are_refused_by_name() {
    let files = Files::new();
    let page = |size, data_type| {
        tiff_file(false, &[tiff_page(&Model::new(size, data_type), 0, false, STRIPS)])
    };
    files.add("a1.tif", &page([6, 5, 1, 1], DataType::Uint8));
    for other in [
        page([6, 4, 1, 1], DataType::Uint8),
        page([6, 5, 1, 1], DataType::Uint16),
        page([6, 5, 1, 1], DataType::Int8),
        page([6, 5, 1, 3], DataType::Uint8),
    ] {
        files.add("a2.tif", &other);
        let error = fault(files.path(), &SourceOptions::default());
        assert!(error.contains("a2.tif, page 0 is 6 x"), "{error}");
        assert!(error.contains("a1.tif is 6 x 5 pixels of 1 uint8"), "{error}");
    }
    let pages = [[6, 5, 1, 1], [5, 6, 1, 1]]
        .map(|size| tiff_page(&Model::new(size, DataType::Uint8), 0, false, STRIPS));
    let error = fault(&files.add("b.tif", &tiff_file(true, &pages)), &SourceOptions::default());
    assert!(error.contains("b.tif, page 1 is 5 x 6"), "{error}");
}

#[test]
fn smaller_versions_of_pages_are_passed_over() {
    let files = Files::new();
    let model = Model::new([20, 10, 2, 1], DataType::Uint8);
    let small = Model::new([10, 5, 2, 1], DataType::Uint8);
    let pages = [0, 1].map(|z| {
        let mut reduced = tiff_page(&small, z, false, STRIPS);
        reduced.tags.push((254, TagValue::Number(1)));
        [tiff_page(&model, z, false, STRIPS), reduced]
    });
    let path =
        files.add("a.tif", &tiff_file(false, &pages.into_iter().flatten().collect::<Vec<_>>()));
    model.check(open_plainly(&path).unwrap().as_mut(), [64; 3], [0; 3], 1 << 20);
}

#[test]
fn large_stacks_of_imagej_are_read_as_a_whole() {
    let files = Files::new();
    let model = Model::new([7, 6, 5, 1], DataType::Uint16);
    for big_endian in [false, true] {
        let text = |images: u32| {
            let text = format!("ImageJ=1.53t\nimages={images}\nslices={images}\nloop=false\n");
            vec![(270, TagValue::Text(text))]
        };
        let layout = TiffLayout::Strips { rows: 6 };
        // One page, whose pixels are followed by those of the other images.
        let mut page = tiff_page(&model, 0, big_endian, layout);
        page.tags = text(5);
        let page_len = page.pixels.len();
        let mut file = tiff_file(big_endian, &[page]);
        assert_eq!(file[8..8 + page_len], model.bytes("zyx", big_endian)[..page_len]);
        let start = u32::try_from(file.len()).unwrap();
        file.extend(model.bytes("zyx", big_endian));
        let mut page = tiff_page(&model, 0, big_endian, layout);
        page.tags = text(5);
        page.tags.push((273, TagValue::Number(start)));
        let head = tiff_file(big_endian, &[page]);
        file.splice(..head.len(), head);

        let mut source = open_plainly(&files.add("a.tif", &file)).unwrap();
        assert!(source.describe().contains("ImageJ"), "{}", source.describe());
        model.check(source.as_mut(), [4; 3], [0; 3], 1 << 20);

        let path = files.add("short.tif", &file[..file.len() - 1]);
        assert!(fault(&path, &SourceOptions::default()).contains("420 bytes, 419 are there"));
    }
    let described = |text: &str| {
        let mut page = tiff_page(&model, 0, false, STRIPS);
        page.tags = vec![(270, TagValue::Text(text.to_owned()))];
        files.add("a.tif", &tiff_file(false, &[page]))
    };
    // Images that should follow, and do not.
    let error = fault(&described("ImageJ=1\nimages=30\n"), &SourceOptions::default());
    assert!(error.contains("truncated"), "{error}");
    let tifffile = described("{\"shape\": [5, 6, 7], \"truncated\": true}");
    let error = fault(&tifffile, &SourceOptions::default());
    assert!(error.contains("tifffile says") && error.contains("one page"), "{error}");
    for (text, warns) in [
        ("ImageJ=1\nimages=1\nchannels=2\n", true),
        ("ImageJ=1\nframes=12\n", true),
        ("ImageJ=1\nchannels=1\n", false),
        ("<?xml?><OME SizeC=\"2\" SizeT=\"1\">", true),
        ("<?xml?><OME SizeC=\"1\" SizeT=\"1\">", false),
        ("my channels=3", false),
    ] {
        let source = open_plainly(&described(text)).unwrap();
        assert_eq!(source.describe().contains("warning"), warns, "{}", source.describe());
    }
    // A stack with all its pages is an ordinary one.
    let mut pages: Vec<TiffPage> = (0..5).map(|z| tiff_page(&model, z, false, STRIPS)).collect();
    pages[0].tags = vec![(270, TagValue::Text("ImageJ=1.53t\nimages=5\n".to_owned()))];
    let mut source = open_plainly(&files.add("a.tif", &tiff_file(false, &pages))).unwrap();
    model.check(source.as_mut(), [4; 3], [0; 3], 1 << 20);
}

#[test]
fn unusual_and_broken_tiffs_are_refused() {
    let files = Files::new();
    let model = Model::new([8, 6, 1, 1], DataType::Uint8);
    let check = |tags: &[(u16, u32)], hint: &str| {
        let mut page = tiff_page(&model, 0, false, STRIPS);
        page.tags = tags.iter().map(|&(tag, value)| (tag, TagValue::Number(value))).collect();
        let error =
            fault(&files.add("a.tif", &tiff_file(false, &[page])), &SourceOptions::default());
        assert!(error.contains("a.tif") && error.contains(hint), "{tags:?}: {error}");
    };
    check(&[(262, 3)], "save it");
    check(&[(262, 6), (277, 3)], "");
    check(&[(258, 4)], "samples of 4 bits");
    check(&[(258, 16), (339, 3)], "samples of 16 bits");
    check(&[(259, 7)], "save it uncompressed");
    check(&[(259, 34933)], "save it uncompressed");
    check(&[(256, 0)], "not a TIFF file");
    check(&[(256, u32::MAX), (257, u32::MAX), (278, u32::MAX)], "");
    let whole = tiff(&model, false, STRIPS);
    for (len, hint) in [(0, "a.tif"), (3, "a.tif"), (20, "a.tif"), (whole.len() - 8, "a.tif")] {
        let error = fault(&files.add("a.tif", &whole[..len]), &SourceOptions::default());
        assert!(error.contains(hint), "{error}");
    }
    let planar = TiffLayout::PlanarTiles { width: 16, height: 16 };
    let colours = Model::new([8, 6, 1, 3], DataType::Uint8);
    let error =
        fault(&files.add("a.tif", &tiff(&colours, false, planar)), &SourceOptions::default());
    assert!(error.contains("planes of tiles"), "{error}");
    // A directory that links to itself.
    let mut looped = whole;
    let at = u32::from_le_bytes(looped[4..8].try_into().unwrap());
    let entries = u16::from_le_bytes(looped[at as usize..][..2].try_into().unwrap());
    let link = at as usize + 2 + usize::from(entries) * 12;
    looped[link..link + 4].copy_from_slice(&at.to_le_bytes());
    let error = fault(&files.add("a.tif", &looped), &SourceOptions::default());
    assert!(error.contains("a.tif"), "{error}");
}

#[test]
fn mutilated_images_are_refused_or_read_but_never_stop_the_program() {
    let files = Files::new();
    let model = Model::new([20, 10, 2, 3], DataType::Uint16);
    let mut originals = vec![];
    for layout in [
        STRIPS,
        TiffLayout::Tiles { width: 16, height: 16 },
        TiffLayout::PlanarStrips { rows: 4 },
        TiffLayout::PlanarTiles { width: 16, height: 16 },
    ] {
        originals.push(("a.tif", tiff(&model, layout_is_big(layout), layout)));
    }
    let png = png_file(&files, "p.png", [20, 10], (ColorType::Rgba, BitDepth::Sixteen), &[9; 1600]);
    originals.push(("a.png", fs::read(png).unwrap()));
    let mut random = Random(1);
    for (name, original) in originals {
        for _ in 0..400 {
            let mut bytes = original.clone();
            for _ in 0..1 + random.below(4) {
                let place = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                bytes[place] = random.pick(&[0, 1, 2, 7, 0x7f, 0x80, 0xff, bytes[place] ^ 1]);
            }
            let path = files.add(name, &bytes);
            let options = SourceOptions { memory: 1 << 22, ..SourceOptions::default() };
            let Ok(mut source) = open(&path, &options) else { continue };
            let [x, y, _, c] = source.size();
            let len = x * y * c * source.data_type().size() as u64;
            let mut page = vec![0; usize::try_from(len).unwrap()];
            // What comes out is not the question.
            drop(source.read_box([0; 3], [x, y, 1], &mut page));
        }
    }
}

fn layout_is_big(layout: TiffLayout) -> bool {
    matches!(layout, TiffLayout::Tiles { .. } | TiffLayout::PlanarStrips { .. })
}

#[test]
fn a_page_beyond_the_memory_is_refused_with_both_numbers() {
    let files = Files::new();
    let model = Model::new([100, 50, 2, 1], DataType::Uint16);
    let path = files.add("a.tif", &tiff(&model, false, STRIPS));
    let options = |memory| SourceOptions { memory, ..SourceOptions::default() };
    let error = fault(&path, &options(9999));
    assert!(error.contains("takes 10000 bytes") && error.contains("limit is 9999"), "{error}");
    model.check(open(&path, &options(10000)).unwrap().as_mut(), [64; 3], [0; 3], 10000);

    let path =
        png_file(&files, "a.png", [100, 50], (ColorType::Rgb, BitDepth::Sixteen), &[0; 30000]);
    let error = fault(&path, &options(29999));
    assert!(error.contains("takes 30000 bytes") && error.contains("limit is 29999"), "{error}");
}

fn png_file(
    files: &Files,
    name: &str,
    [width, height]: [u32; 2],
    (color, depth): (ColorType, BitDepth),
    bytes: &[u8],
) -> PathBuf {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette(vec![10, 20, 30, 40, 50, 60, 70, 80, 90]);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(bytes).unwrap();
    writer.finish().unwrap();
    files.add(name, &file)
}

fn pixels(path: &Path) -> ([u64; 4], DataType, Vec<u8>) {
    let mut source = open_plainly(path).unwrap();
    let [x, y, z, c] = source.size();
    let len = x * y * z * c * source.data_type().size() as u64;
    let mut voxels = vec![0; usize::try_from(len).unwrap()];
    source.read_box([0; 3], [x, y, z], &mut voxels).unwrap();
    (source.size(), source.data_type(), voxels)
}

#[test]
fn png_of_every_colour_and_depth() {
    let files = Files::new();
    let read = |color, depth, bytes: &[u8]| {
        pixels(&png_file(&files, "a.png", [2, 2], (color, depth), bytes))
    };
    let (u8_type, u16_type) = (DataType::Uint8, DataType::Uint16);
    let gray = ColorType::Grayscale;
    assert_eq!(
        read(gray, BitDepth::One, &[0x40, 0x80]),
        ([2, 2, 1, 1], u8_type, vec![0, 255, 255, 0])
    );
    assert_eq!(
        read(gray, BitDepth::Two, &[0x10, 0xb0]),
        ([2, 2, 1, 1], u8_type, vec![0, 85, 170, 255])
    );
    assert_eq!(
        read(gray, BitDepth::Four, &[0x01, 0x2f]),
        ([2, 2, 1, 1], u8_type, vec![0, 17, 34, 255])
    );
    assert_eq!(
        read(gray, BitDepth::Eight, &[1, 2, 3, 4]),
        ([2, 2, 1, 1], u8_type, vec![1, 2, 3, 4])
    );
    assert_eq!(
        read(gray, BitDepth::Sixteen, &[1, 2, 3, 4, 5, 6, 7, 8]),
        ([2, 2, 1, 1], u16_type, vec![2, 1, 4, 3, 6, 5, 8, 7])
    );
    assert_eq!(
        read(ColorType::GrayscaleAlpha, BitDepth::Eight, &[1, 11, 2, 12, 3, 13, 4, 14]),
        ([2, 2, 1, 2], u8_type, vec![1, 2, 3, 4, 11, 12, 13, 14])
    );
    assert_eq!(
        read(ColorType::Rgb, BitDepth::Eight, &[1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24]),
        ([2, 2, 1, 3], u8_type, vec![1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24])
    );
    let rgba: Vec<u8> = (0..32).collect();
    let (size, data_type, voxels) = read(ColorType::Rgba, BitDepth::Sixteen, &rgba);
    assert_eq!((size, data_type), ([2, 2, 1, 4], u16_type));
    assert_eq!(voxels[..10], [1, 0, 9, 8, 17, 16, 25, 24, 3, 2]);
    assert_eq!(
        read(ColorType::Indexed, BitDepth::Two, &[0x10, 0x80]),
        ([2, 2, 1, 3], u8_type, vec![10, 40, 70, 10, 20, 50, 80, 20, 30, 60, 90, 30])
    );
}

#[test]
fn a_folder_of_pngs_is_one_stack() {
    let files = Files::new();
    let model = Model::new([6, 5, 11, 1], DataType::Uint8);
    for z in 0..11 {
        let page = model.cutout([0, 0, z], [6, 5, z + 1]);
        png_file(
            &files,
            &format!("{z}.PNG"),
            [6, 5],
            (ColorType::Grayscale, BitDepth::Eight),
            &page,
        );
    }
    for memory in [60, 1 << 20] {
        let options = SourceOptions { memory, ..SourceOptions::default() };
        model.check(open(files.path(), &options).unwrap().as_mut(), [4; 3], [0; 3], memory);
    }
    png_file(&files, "11.png", [6, 5], (ColorType::Rgb, BitDepth::Eight), &[0; 90]);
    let error = fault(files.path(), &SourceOptions::default());
    assert!(error.contains("11.png is 6 x 5 pixels of 3 uint8"), "{error}");
}

#[test]
fn broken_pngs_are_refused() {
    let files = Files::new();
    let path = png_file(&files, "a.png", [64, 64], (ColorType::Grayscale, BitDepth::Eight), &{
        let noise: Vec<u8> = (0..4096_u32).map(|n| (n * n % 251).to_le_bytes()[0]).collect();
        noise
    });
    let whole = fs::read(&path).unwrap();
    for len in [0, 5, 30, whole.len() / 2] {
        let error = fault(&files.add("cut.png", &whole[..len]), &SourceOptions::default());
        assert!(error.contains("cut.png"), "{error}");
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    let error = fault(&files.add("bad.png", &damaged), &SourceOptions::default());
    assert!(error.contains("bad.png"), "{error}");
    // A header of 2^31 x 2^31 pixels, with its checksum.
    let mut huge = whole;
    huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let crc = checksum(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = fault(&files.add("huge.png", &huge), &SourceOptions::default());
    assert!(error.contains("huge.png"), "{error}");
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
