package view

// The signs of the controls, each an SVG path on a field of 24 by 24.
const (
	outlineLive    = "M3.5 5.5h17v11h-17zM8.5 20h7M12 16.5V20"
	outlineCameras = "M4 7.5h11v9H4zM15 11l5-2.5v7L15 13"
	outlineDays    = "M3.5 7h7M3.5 12h17M3.5 17h10M15.5 3.5v17"
	outlineSaved   = "M6.5 4.5h11v15L12 15.5l-5.5 4z"
	outlineSystem  = "M4 12h3.5l2.5-6 4 12 2.5-6H20"
	outlineClose   = "m6 6 12 12M18 6 6 18"
	outlineForward = "m9 5.5 6.5 6.5L9 18.5"
	outlineLeft    = "M15 5.5 8.5 12l6.5 6.5"
	outlineBack    = "M4.5 12a7.5 7.5 0 1 0 2.3-5.4M6.5 3v4h4"
	outlineAhead   = "M19.5 12a7.5 7.5 0 1 1-2.3-5.4M17.5 3v4h-4"
	outlineSpeaker = "M4.5 9.5v5h3l4.5 4v-13l-4.5 4z"
	outlineFull    = "M4.5 9V4.5H9m6 0h4.5V9m0 6v4.5H15m-6 0H4.5V15"
	outlineMinus   = "M6 12h12"
	outlinePlus    = "M6 12h12M12 6v12"
	outlineMore    = "M6 12h.01M12 12h.01M18 12h.01"
	outlineGrip    = "M9 7h.01M15 7h.01M9 12h.01M15 12h.01M9 17h.01M15 17h.01"

	outlineFrameBack  = "M7 6v12M17.5 6 10 12l7.5 6z"
	outlineFrameAhead = "M17 6v12M6.5 6 14 12l-7.5 6z"
	outlineSnapshot   = "M3.5 8h4l1.5-2.5h6L16.5 8h4v11h-17zM12 10a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8z"
	outlinePip        = "M3.5 5.5h17v13h-17zM12.5 12h5v3.8h-5z"
)

// layoutIcon is what a layout looks like, in small.
func layoutIcon(shape string) string {
	switch shape {
	case "1":
		return "M4 5.5h16v13H4z"
	case "4":
		return "M4 5.5h16v13H4zM12 5.5v13M4 12h16"
	case "9":
		return "M4 5.5h16v13H4zM9.3 5.5v13M14.7 5.5v13M4 9.8h16M4 14.2h16"
	case "16":
		return "M4 5.5h16v13H4zM8 5.5v13M12 5.5v13M16 5.5v13M4 8.8h16M4 12h16M4 15.2h16"
	case "focus":
		return "M4 5.5h16v13H4zM14.5 5.5v13M14.5 9.8H20M14.5 14.2H20"
	}
	return "M4 5.5h6.5V11H4zM13.5 5.5H20V11h-6.5zM4 13.5h6.5V19H4zM13.5 13.5H20V19h-6.5z"
}
