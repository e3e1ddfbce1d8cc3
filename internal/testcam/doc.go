// Package testcam simulates cameras: RTSP servers on the loopback interface that misbehave on demand. Their frames are drawn
// and encoded here, in Go. Tests, the demo and the benchmarks use it.
//
// Every camera has its own port, like a real one its address, and serves /main and /sub. Frames identify their camera in four
// ways that tests read back: an SEI message (ParseSEI), a code word in the pixels that survives decoding and screenshots
// (ReadPixels, ReadImage), a unique sequence parameter set (SPSCamera), and audio (ParseAudio, AudioCamera). Frames are
// numbered whether anyone watches or not, so that a recording can be checked for lost and duplicate frames.
//
// This is a simulation. The recording path uses none of it.
//
// Read in this order:
//
//  1. camera.go and server.go: what a camera is told to be, and the servers that play it; handle.go: its faults, switched at run time.
//  2. gate.go, port.go, temper.go, certificate.go, stream.go: what is between a camera and its viewers; farm.go: all of it in a process of its own.
//  3. studio.go, source.go, clip.go: where the frames of a stream come from.
//  4. scene*.go, painter.go, figure.go, font.go, canvas.go, plane.go: how a frame is drawn; mark*.go, melody.go: how it names its camera.
//  5. h264.go, macroblock.go, transform.go, cavlc*.go, bits.go: the video encoder; aac.go: the audio encoders; packets.go: sound in any codec.
package testcam
