package store

// A Standing says where the meters of a MeterList stand after a charge, or at present if
// it was refused. It is a tenth of the work of a Level for each meter, and most callers
// ask for few Levels or none. The Level of a meter is worked out when it is asked for.
type Standing struct {
	// At and Now are the instant of the charge by the caller's clock, for windows, and by
	// the clock by which buckets refill. Both are in Unix microseconds.
	At, Now int64

	// Cells has the state of each meter from its cell on: see MeterList.Cell. A bucket has
	// its Tokens, its Part and its Last. The denominator of its fraction is Rate.Per, or 1
	// if nothing refills it. A window has its Used in the low 53 bits, and its Last in the
	// bits above. Its Extra is zero. Other cells have no meaning.
	Cells [standingCells]int64
}

// The cells that meters take in a Standing.
const (
	bucketCells = 3
	windowCells = 1
)

// usedBits is how many bits of a window's cell hold its Used.
const usedBits = 53

// Level returns the level of the i-th meter of l. Its Wait is how long a charge of n
// units, which was refused, has to wait for that meter. With an n of zero it is zero.
func (s *Standing) Level(l *MeterList, i int, n int64) (level Level) {
	m, cell := &l.meters[i], int(l.cells[i])
	if m.IsWindow() {
		w := s.window(cell)
		if w.Spend(m, s.At, n, &level) && n > 0 {
			w = s.window(cell) // it would fit, and has not been taken
			w.Spend(m, s.At, 0, &level)
		}
		return level
	}
	b := s.bucket(m, cell)
	if b.Spend(m, s.Now, n, &level) && n > 0 {
		b = s.bucket(m, cell)
		b.Spend(m, s.Now, 0, &level)
	}
	return level
}

func (s *Standing) window(cell int) Window {
	c := s.Cells[cell]
	return Window{Used: c & MaxUnits, Last: int64(uint64(c) >> usedBits)}
}

func (s *Standing) bucket(m *Meter, cell int) Bucket {
	c := (*[bucketCells]int64)(s.Cells[cell:])
	return Bucket{Tokens: c[0], Part: c[1], Last: c[2], Per: max(m.Rate.Per, 1)}
}

// takeUnits takes n units, of which there are some, from the window in a cell.
func (s *Standing) takeUnits(m *Meter, cell int, n int64) (ok bool) {
	w := s.window(cell)
	if n > w.limit(m)-w.Used {
		return false
	}
	w.Used += n
	if !w.lastHas(m, s.At) {
		w.Last = max(w.Last, m.SpanAt(s.At))
	}
	s.Cells[cell] = w.Used | w.Last<<usedBits
	return true
}

// takeTokens takes n tokens from the bucket in a cell.
func (s *Standing) takeTokens(m *Meter, cell int, n int64) (ok bool) {
	b := s.bucket(m, cell)
	b.refill(m, max(s.Now, b.Last))
	if n > b.Tokens {
		return false
	}
	c := (*[bucketCells]int64)(s.Cells[cell:])
	c[0], c[1], c[2] = b.Tokens-n, b.Part, b.Last
	return true
}
