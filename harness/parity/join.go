package parity

// feed gives the entries of one side block by block, in order of their keys over
// all blocks, and an empty block at the end.
type feed func() ([]entry, error)

// join walks both sides in order of keys and tells of each key that is not the
// same on both; nil is the side that lacks it. A key must not come twice on a side.
func join(source, replica feed, differ func(s, r *entry)) error {
	s, err := source()
	if err != nil {
		return err
	}
	r, err := replica()
	if err != nil {
		return err
	}
	for len(s) > 0 && len(r) > 0 {
		s, r = walk(s, r, differ)
		if len(s) == 0 {
			if s, err = source(); err != nil {
				return err
			}
		}
		if len(r) == 0 {
			if r, err = replica(); err != nil {
				return err
			}
		}
	}
	if err := rest(s, source, func(e *entry) { differ(e, nil) }); err != nil {
		return err
	}
	return rest(r, replica, func(e *entry) { differ(nil, e) })
}

// walk joins two blocks until one is used up and gives back what is left.
func walk(s, r []entry, differ func(s, r *entry)) (restS, restR []entry) {
	i, j := 0, 0
	for i < len(s) && j < len(r) {
		switch c := s[i].key.compare(r[j].key); {
		case c < 0:
			differ(&s[i], nil)
			i++
		case c > 0:
			differ(nil, &r[j])
			j++
		default:
			if s[i].row != r[j].row {
				differ(&s[i], &r[j])
			}
			i, j = i+1, j+1
		}
	}
	return s[i:], r[j:]
}

// rest visits what one side still has after the other has ended.
func rest(block []entry, more feed, visit func(*entry)) error {
	for len(block) > 0 {
		for i := range block {
			visit(&block[i])
		}
		var err error
		if block, err = more(); err != nil {
			return err
		}
	}
	return nil
}

// once is a feed of a single block.
func once(block []entry) feed {
	return func() ([]entry, error) {
		b := block
		block = nil
		return b, nil
	}
}
