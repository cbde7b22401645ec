//! Real data and real rival programs on the other side.

use bigarrays_tests::{command, python, run_python, shared};

#[test]
fn volumes_of_cloudvolume_and_tensorstore_read_equal_and_ours_read_equal_there() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "interop.py", &[&command, work.path()]);
}

#[test]
fn a_real_segmentation_imports_within_its_memory_and_cuts_out_equal_to_numpy() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let Some(labels) = shared("data/labels_512_u32.npy.gz") else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "real_data.py", &[&command, &labels, work.path()]);
}

#[test]
fn a_real_mri_imports_with_its_voxel_size() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "mri.py", &[&command, work.path()]);
}
