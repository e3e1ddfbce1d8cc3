// Package testcam simulates cameras: RTSP servers on the loopback interface that misbehave on demand. Their frames are drawn
// and encoded here, in Go. Tests, the demo and the benchmarks use it.
//
// Every camera has its own port, like a real one its address, and serves /main and /sub. Frames identify their camera in four
// ways that tests read back: an SEI message (ParseSEI), a code word in the pixels that survives decoding and screenshots
// (ReadPixels, ReadImage), a unique sequence parameter set (SPSCamera), and audio (ParseAudio, AudioCamera). Frames are
// numbered whether anyone watches or not, so that a recording can be checked for lost and duplicate frames.
//
// This is a simulation. The recording path uses none of it.
package testcam
