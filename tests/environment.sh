# Sourced by test.sh and the checks: the system's RocksDB is linked, where it is installed, instead
# of building the library's hundreds of files (Cargo.lock has the version of the crate that fits).
if pkg-config --exists rocksdb 2>/dev/null; then
    ROCKSDB_LIB_DIR="$(pkg-config --variable=libdir rocksdb)"
    ROCKSDB_INCLUDE_DIR="$(pkg-config --variable=includedir rocksdb)"
    export ROCKSDB_LIB_DIR ROCKSDB_INCLUDE_DIR
fi
