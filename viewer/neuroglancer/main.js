// The whole program. The package's own entry is the library, which shows nothing by itself.
import "neuroglancer/unstable/main.bundle.js";
