#!/usr/bin/env python3
"""The MNI152 template (a real MRI that ships with nilearn) imported with its voxel size.

    mri.py BIGARRAYS WORKDIR
"""
import glob
import json
import os
import subprocess
import sys

import nibabel
import nilearn
import numpy as np

binary, work = sys.argv[1:]
found = glob.glob(os.path.join(os.path.dirname(nilearn.__file__), "datasets/data/mni_*t1*.nii.gz"))
assert found, "nilearn has no template"
image = nibabel.load(found[0])
want = np.asarray(image.dataobj.get_unscaled())
url = os.path.join(work, "mri")
subprocess.run([binary, "import", found[0], url], check=True, stdout=subprocess.DEVNULL)

facts = json.loads(subprocess.check_output([binary, "info", url, "--json"]))
scale = facts["scales"][0]
assert scale["size"] == list(want.shape[:3]), (scale, want.shape)
size_nm = [1e6 * float(mm) for mm in image.header.get_zooms()[:3]]
assert np.allclose(scale["resolution"], size_nm), (scale["resolution"], size_nm)

out = os.path.join(work, "mri.npy")
subprocess.run([binary, "cutout", url, "-o", out], check=True, stdout=subprocess.DEVNULL)
got = np.load(out)[..., 0]
assert got.dtype == want.dtype and np.array_equal(got, want), (got.dtype, want.dtype)
z = want.shape[2] // 2
picture = os.path.join(work, "mri.png")
subprocess.run([binary, "cutout", url, "--box", ":,:,%d:%d" % (z, z + 1), "-o", picture], check=True,
               stdout=subprocess.DEVNULL)
from PIL import Image
pixels = np.asarray(Image.open(picture))
assert np.array_equal(pixels, want[:, :, z].T), "the picture shows other voxels"
print("MRI %s %s at %s nm equal; picture of slice %d equal" % (want.shape, want.dtype, scale["resolution"], z))
