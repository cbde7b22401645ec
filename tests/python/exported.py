"""Reads the files that a test exported with the programs that others use.

    exported.py FOLDER
"""

import pathlib
import sys

import nibabel
import numpy as np
import tifffile
from PIL import Image


def main(folder):
    wanted = np.load(folder / "a.npy")[..., 0]
    assert wanted.shape == (20, 18, 11) and wanted.any()
    assert (tifffile.imread(folder / "a.tif").T == wanted).all()
    brain = nibabel.load(folder / "a.nii.gz")
    assert (np.asarray(brain.dataobj) == wanted).all()
    assert brain.header.get_xyzt_units()[0] == "micron"
    assert np.allclose(brain.header.get_zooms(), [0.008, 0.008, 0.04])
    assert np.allclose(brain.affine[:3, 3], [-3 * 0.008, 5 * 0.008, 100 * 0.04])
    pages = sorted((folder / "pages").iterdir())
    assert len(pages) == 11
    for z, page in enumerate(pages):
        assert (np.array(Image.open(page)).T == wanted[..., z]).all()
    if (folder / "a.h5").exists():
        import h5py

        with h5py.File(folder / "a.h5") as file:
            assert (file["volume"][...].T == wanted).all()
            assert file["volume"].attrs["resolution"].tolist() == [40, 8, 8]
            assert file["volume"].attrs["offset"].tolist() == [4000, 40, -24]
    print("nibabel, tifffile, Pillow and h5py read what was exported")


main(pathlib.Path(sys.argv[1]))
