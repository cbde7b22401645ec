// Loaded before Azurite. Ten minutes after its start and then every ten minutes Azurite removes what
// no blob refers to any more, in a time that grows with the square of how much there is and during
// which it answers nothing. The tests overwrite a lot, and are over before memory is.
const fs = require("fs");
const path = require("path");

const folder = path.dirname(fs.realpathSync(process.argv[1]));
const LONGEST_TIMER = 2 ** 31 - 1;
require(path.join(folder, "utils", "constants.js")).DEFAULT_GC_INTERVAL_MS = LONGEST_TIMER;
