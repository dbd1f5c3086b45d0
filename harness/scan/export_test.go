package scan

// Chunk is known to the tests, which look at the boundary of two reads.
const Chunk = chunk
