// Package testcam simulates cameras: RTSP servers on the loopback interface whose pictures are drawn and encoded here, in
// Go, and that misbehave on demand. Tests, the demo and the benchmarks use it.
//
// Every camera has a port of its own, as a real one has an address of its own, and serves /main and /sub. Each of its
// frames says whose it is in four ways that tests read back: an SEI message (ParseSEI), a code word in the pixels that
// survives decoding and screenshots (ReadPixels, ReadImage), a sequence parameter set unlike any other camera's
// (SPSCamera), and sound (ParseAudio, AudioCamera). Frames are numbered whether anyone watches or not, so that a
// recording can be checked for frames that were lost or written twice.
//
// What is said here is said by a simulation: nothing of it is used on the recording path.
package testcam
