//! What stores read of servers and of files, by doors in their crate: the promises are there.

use super::Entry;
#[cfg(all(
    feature = "parsers",
    any(feature = "hdf5", feature = "http", feature = "s3", feature = "gcs")
))]
use bigarrays::backends::fuzzing;

macro_rules! doors {
    ($($name:ident: $feature:literal, $door:ident, $what:literal;)*) => {$(
        #[doc = $what]
        #[cfg(all(feature = "parsers", feature = $feature))]
        pub const $name: Entry = Entry::Other(fuzzing::$door);
        #[doc = $what]
        #[cfg(not(all(feature = "parsers", feature = $feature)))]
        pub const $name: Entry = Entry::Absent($feature);
    )*};
}

doors! {
    H5_FILE: "hdf5", hdf5_file, "A dataset as it is read without the HDF5 library.";
    H5_CONFIG: "hdf5", hdf5_config, "The `config.json` of cuboid files.";
    H5_NAME: "hdf5", hdf5_name, "The name of a cuboid file.";
    SECTIONS: "hdf5", sections_registry, "The registry of aligned sections.";
    HTTP_ANSWER: "http", http_answer, "The answer of a web server.";
    S3_ANSWER: "s3", s3_answer, "The answer of an S3 server.";
    S3_CREDENTIALS: "s3", s3_credentials, "Files of AWS credentials.";
    GCS_ANSWER: "gcs", gcs_answer, "The answer of Google's storage, and of who gives tokens.";
    GCS_CREDENTIALS: "gcs", gcs_credentials, "Files of Google's credentials.";
}
